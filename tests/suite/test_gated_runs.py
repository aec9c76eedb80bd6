"""What a maintainer's CI meets: a run that is saved, compared, red for a regression, and green otherwise."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from interpmark.reports.baselines import SavedRuns

Run = Callable[..., subprocess.CompletedProcess[str]]
METHOD = '''
from interpmark.methods import AffineEdit, register

@register("my-eraser", kind="eraser", supports={"binary"})
class MyEraser:
    """A part of the difference of class means."""

    def fit(self, x, z, *, seed):
        whole = AffineEdit.projection(x[z == 1].mean(0) - x[z == 0].mean(0), center=x.mean(0))
        return AffineEdit(PART * whole.read, whole.write, center=whole.center)
'''
WHICH = ("--interp-fixtures", "planted-gaussian", "--interp-methods", "identity", "--interp-method", "my_eraser.py")
COMPARED = ("--interp-compare=main", "--interp-compare-fail")
GATED = (*COMPARED, "residual_accuracy:0.02", "--interp-compare-fail", "edit_norm:5%")
CELLS = ("-k", "not contract")


def score_in(
    folder: Path, *arguments: str, text: str = METHOD, part: float = 1.0, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Score `my-eraser` in a process of its own; `part` says how much of the concept it takes out."""
    (folder / "my_eraser.py").write_text(text.replace("PART", str(part)))
    command = [sys.executable, "-m", "pytest", "--pyargs", "interpmark.suite", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *WHICH, *CELLS, *arguments],
        cwd=folder, capture_output=True, text=True, timeout=300, env=os.environ | (env or {}),
    )  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the baseline `main`, of the whole eraser, and the store of that run."""
    folder = tmp_path_factory.mktemp("saved")
    done = score_in(folder, "--interp-save", "main")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"saved 2 cells in {Path('.interpmark', 'baselines', 'main.json.gz')}" in done.stdout
    return folder


@pytest.fixture
def score(tmp_path: Path, saved: Path) -> Run:
    """Score in a folder that has the baseline `main` and nothing in its store."""
    shutil.copytree(saved / ".interpmark" / "baselines", tmp_path / ".interpmark" / "baselines")
    return functools.partial(score_in, tmp_path)


def test_an_unchanged_method_stays_green(score: Run) -> None:
    done = score(*GATED)
    assert done.returncode == 0, done.stdout
    assert "interpmark comparison with main" in done.stdout
    assert "FAILED" not in done.stdout


@pytest.mark.parametrize("workers", [(), pytest.param(("-n", "2", "--dist", "loadgroup"), marks=pytest.mark.slow)])
def test_a_method_that_became_worse_is_red_with_its_numbers(
    score: Run, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    done = score(*GATED, *workers, "--junit-xml", "out.xml", "--interp-comment", "out/comment.md", part=0.5)
    assert done.returncode == 1, done.stdout
    assert "FAILED interpmark-gate::residual_accuracy[my-eraser-planted-gaussian]" in done.stdout
    assert done.stdout.count("interpmark comparison with main") == 1
    cases = {case.get("name"): case for case in ET.parse(tmp_path / "out.xml").getroot().iter("testcase")}
    case = cases["test_residual_accuracy[my-eraser-planted-gaussian-s0]"]
    scores = {each.get("name", ""): each.get("value", "") for each in case.iter("property")}
    low, value, high = (float(scores[f"residual_accuracy{end}"]) for end in (".low", "", ".high"))
    assert low <= value <= high
    assert "edit_norm" not in scores
    failure = cases["residual_accuracy[my-eraser-planted-gaussian]"].find("failure")
    assert failure is not None
    assert "beyond the tolerance 0.02" in (failure.get("message") or "")
    comment = (tmp_path / "out" / "comment.md").read_text()
    assert "❌" in comment
    assert "| **regressed** | my-eraser | planted-gaussian | residual accuracy |" in comment
    assert "│██" in comment


def test_a_file_that_cannot_be_written_is_told_and_hides_nothing(score: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    inside = str(tmp_path / "file" / "inside")
    done = score(*GATED, "--interp-comment", inside, part=0.5, env={"GITHUB_STEP_SUMMARY": inside})
    assert done.returncode == 1, done.stdout
    assert "FAILED interpmark-gate::residual_accuracy[my-eraser-planted-gaussian]" in done.stdout
    assert "the comment could not be saved: " in done.stdout
    assert "GITHUB_STEP_SUMMARY could not be written: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "interpmark leaderboard" in done.stdout


def test_a_run_that_cannot_be_saved_is_red_and_has_its_leaderboard(tmp_path: Path) -> None:
    (tmp_path / ".interpmark").mkdir()
    (tmp_path / ".interpmark" / "baselines").touch()
    done = score_in(tmp_path, "--interp-save", "main")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "the run could not be saved: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "interpmark leaderboard" in done.stdout


@pytest.mark.slow
def test_without_rules_a_worse_method_is_told_and_stays_green(score: Run) -> None:
    done = score("--interp-compare=main", part=0.5)
    assert done.returncode == 0, done.stdout
    assert "regressed" in done.stdout


def test_a_method_that_vanished_is_red(score: Run) -> None:
    done = score(*GATED, text=METHOD.replace("my-eraser", "your-eraser"))
    assert done.returncode == 1, done.stdout
    assert "FAILED interpmark-gate::cell[my-eraser-planted-gaussian]" in done.stdout
    assert "interpmark-gate::cell[your-eraser" not in done.stdout


@pytest.mark.slow
def test_a_method_that_was_left_out_is_not_missing(score: Run) -> None:
    done = score(*GATED, "-k", "identity and not contract")
    assert done.returncode == 0, done.stdout
    assert "part of a run: 1 of 2 cells were not run" in done.stdout


@pytest.mark.slow
def test_a_method_that_fails_now_is_red_in_the_gate_too(score: Run) -> None:
    done = score(*GATED, text=METHOD.replace("return AffineEdit", "raise OSError; return AffineEdit"))
    assert done.returncode == 1, done.stdout
    assert "FAILED interpmark-gate::cell[my-eraser-planted-gaussian]" in done.stdout
    assert "interpmark-gate::cell[identity" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ("raise KeyboardInterrupt", pytest.ExitCode.INTERRUPTED),
        ("pytest.exit('as for a full disk', returncode=4)", pytest.ExitCode.USAGE_ERROR),
    ],
)
def test_an_interrupted_run_calls_nothing_missing_and_is_not_saved(
    score: Run, tmp_path: Path, ends: str, status: pytest.ExitCode
) -> None:
    (tmp_path / "interrupts.py").write_text(
        "import pytest\n"
        "def pytest_runtest_logreport(report):\n"
        "    if report.when == 'teardown' and 'identity' in report.nodeid:\n"
        f"        {ends}\n"
    )
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = score(*GATED, "--interp-save", "half", "--force-regen", "-p", "interrupts", env={"PYTHONPATH": paths})
    assert done.returncode == status, done.stdout
    assert "part of a run: the run was interrupted, 1 of 2 cells were not run" in done.stdout
    assert "not saved: the run was interrupted" in done.stdout
    assert "main.json.gz is left as it is" in done.stdout
    assert "FAILED" not in done.stdout
    assert SavedRuns(tmp_path / ".interpmark").names() == ["main"]


@pytest.mark.slow
def test_force_regen_rewrites_and_fails_and_the_next_run_is_green(score: Run) -> None:
    red = score(*GATED, "--force-regen", part=0.5)
    assert red.returncode == 1, red.stdout
    assert "main.json.gz is rewritten" in red.stdout
    green = score(*GATED, "--force-regen", part=0.5)
    assert green.returncode == 0, green.stdout
    assert "rewritten" not in green.stdout


@pytest.mark.slow
def test_force_regen_of_a_part_keeps_the_rest(score: Run, tmp_path: Path) -> None:
    done = score(*GATED, "--force-regen", "-k", "my-eraser and not contract", part=0.5)
    assert done.returncode == 1, done.stdout
    cards = SavedRuns(tmp_path / ".interpmark").load("main").scorecards
    assert [card.cell.method for card in cards] == ["identity", "my-eraser"]


@pytest.mark.slow
def test_force_regen_gives_way_to_a_plugin_that_has_it(score: Run, tmp_path: Path) -> None:
    (tmp_path / "regressions.py").write_text(
        "def pytest_addoption(parser):\n"
        "    parser.getgroup('regressions').addoption('--force-regen', action='store_true', default=False)\n"
    )
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = score("-p", "regressions", "--force-regen", "--co", env={"PYTHONPATH": paths})
    assert done.returncode == 0, done.stdout + done.stderr  # not ours: no baseline need be named
    alone = score("--force-regen", "--co")
    assert alone.returncode == 4
    assert "--force-regen goes with --interp-compare" in alone.stderr


@pytest.mark.slow
def test_numbered_runs_go_on_and_the_latest_is_compared_with(score: Run, tmp_path: Path) -> None:
    score("--interp-autosave")
    score("--interp-autosave", part=0.5)
    names = [path.name for _, path in SavedRuns(tmp_path / ".interpmark").numbered()]
    assert [name[:5] for name in names] == ["0001_", "0002_"]
    assert score("--interp-compare", "--interp-compare-fail", "residual_accuracy:0.02", part=0.5).returncode == 0
    done = score("--interp-compare=1", "--interp-compare-fail", "residual_accuracy:0.02", part=0.5)
    assert done.returncode == 1, done.stdout
    assert "with 0001_" in done.stdout


@pytest.mark.slow
def test_a_shard_compares_its_cells_and_saves_nothing(score: Run) -> None:
    done = score(*GATED, "--interp-shard", "1/2")
    assert done.returncode == 0, done.stdout
    assert "part of a run: shard 1/2" in done.stdout
    assert score("--interp-save", "part", "--interp-shard", "1/2").returncode == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--interp-compare=mian",), "did you mean 'main'"),
        ((*COMPARED, "residual:0.02"), "unknown measure 'residual'"),
        (("--interp-compare-fail", "residual_accuracy:0.02"), "goes with --interp-compare"),
        (("--interp-save", "../main"), "cannot name a baseline"),
    ],
)
def test_a_bad_name_or_rule_is_told_before_anything_is_scored(
    score: Run, arguments: tuple[str, ...], message: str
) -> None:
    done = score(*arguments)
    assert done.returncode == 4, done.stdout
    assert message in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "collected" not in done.stdout


@pytest.mark.slow
def test_a_rule_that_checks_nothing_is_red(score: Run) -> None:
    done = score(*COMPARED, "nothing/*:residual_accuracy:0.02")
    assert done.returncode == 1, done.stdout
    assert "is about no score of these runs" in done.stdout


@pytest.mark.slow
def test_github_gets_a_summary_and_errors_for_regressions_only(score: Run, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    assert "::error" not in score(*GATED, env=env).stdout
    done = score(*GATED, env=env, part=0.5)
    lines = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    assert lines[0].startswith("::error title=interpmark%3A my-eraser on planted-gaussian::residual acc")
    text = summary.read_text()
    assert text.startswith("before\n")
    assert "❌" in text
    assert "<details><summary>Leaderboard</summary>" in text
