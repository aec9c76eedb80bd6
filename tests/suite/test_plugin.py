"""What a pytest user meets: ids, selection, outcomes, errors before long work, the leaderboard at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from interpmark.reports.store import Store
from interpmark.suite.plugin import split_specs
from interpmark.suite.terminal import encodable

Run = Callable[..., subprocess.CompletedProcess[str]]
ONE_CELL = ("--interp-methods", "mean-projection", "--interp-fixtures", "planted-gaussian")

TEN_LINES = '''
from interpmark.methods import AffineEdit, register

@register("my-eraser", kind="eraser", claims={"guards-linearly"}, supports={"binary"})
class MyEraser:
    """Ten lines."""

    def fit(self, x, z, *, seed):
        return AffineEdit.projection(x[z == 1].mean(0) - x[z == 0].mean(0), center=x.mean(0))
'''


def test_ids_name_the_cell(suite_run: Run) -> None:
    done = suite_run("--co", "-q", *ONE_CELL)
    assert "test_residual_accuracy[mean-projection-planted-gaussian-s0]" in done.stdout


def test_ids_on_a_subject_name_site_and_slot_without_loading_it(suite_run: Run) -> None:
    done = suite_run("--co", "-q", "-k", "leace and residual_accuracy and resid_post.26", "--interp-seeds", "3")
    assert "test_residual_accuracy[leace-gender@smollm2-135m/resid_post.26:last-s3]" in done.stdout
    assert done.returncode == 0


def test_a_run_prints_and_writes_the_leaderboard(suite_run: Run, tmp_path: Path) -> None:
    store = tmp_path / "store"
    done = suite_run("--interp-store", str(store), *ONE_CELL)
    assert done.returncode == 0, done.stdout
    assert "interpmark leaderboard" in done.stdout
    assert "mean-projection" in (store / "leaderboard.md").read_text()
    assert json.loads((store / "leaderboard.json").read_text())
    header = (store / "scores.csv").read_text().splitlines()[0]
    assert header == "method,kind,concept,subject,site,slot,seed,measure,value,low,high,n,unit,status"


def test_a_finished_cell_is_not_scored_again(suite_run: Run, tmp_path: Path) -> None:
    store = tmp_path / "store"
    arguments = ("--interp-store", str(store), "-k", "not contract", *ONE_CELL)
    suite_run(*arguments)
    before = {path: path.stat().st_mtime_ns for path in (store / "cells").iterdir()}
    suite_run(*arguments)
    assert before == {path: path.stat().st_mtime_ns for path in (store / "cells").iterdir()}


def test_a_ten_line_method_in_a_file_gets_its_row(suite_run: Run, tmp_path: Path) -> None:
    (tmp_path / "my_eraser.py").write_text(TEN_LINES)
    done = suite_run("--interp-method", "my_eraser.py", "--interp-store", "store", *ONE_CELL)
    assert done.returncode == 0, done.stdout
    rows = (tmp_path / "store" / "scores.csv").read_text()
    assert "my-eraser,eraser,planted-gaussian" in rows
    assert "mean-projection,eraser,planted-gaussian" in rows


def test_junit_and_exit_on_first_failure(suite_run: Run, tmp_path: Path) -> None:
    zoo = Path(__file__).with_name("zoo.py")
    arguments = ["--interp-method", str(zoo), "--interp-methods", "zoo-raises", "--interp-fixtures", "planted-gaussian"]
    done = suite_run("-x", "--junit-xml", "out.xml", "--interp-store", "store", "-k", "edit_norm", *arguments)
    assert done.returncode == 1
    suites = ET.parse(tmp_path / "out.xml").getroot()
    assert next(suites.iter("testsuite")).get("failures") == "1"
    assert "the zoo's own failure" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_the_leaderboard_keeps_its_lines_in_any_encoding(encoding: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--pyargs", "interpmark.suite", "-p", "no:cacheprovider", *ONE_CELL]
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(
        [*command, "-k", "edit_norm"], cwd=tmp_path, env=env, capture_output=True, encoding=encoding, timeout=600
    )
    assert any(line.split()[0:1] == ["mean-projection"] for line in done.stdout.splitlines()), done.stdout
    assert "\\n" not in done.stdout
    assert "accuracy v" in done.stdout


def test_plain_characters_stand_for_those_that_an_encoding_lacks() -> None:
    assert encodable("edit norm ↓ – 0.5 ≤ é 字", "latin-1") == "edit norm v - 0.5 <= é ?"
    assert encodable("edit norm ↓", "utf-8") == "edit norm ↓"


@pytest.mark.slow
@pytest.mark.parametrize("ci", ["", "true"])
def test_a_failed_cell_prints_its_traceback_once(ci: str, suite_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", ci)  # where it is set, pytest's summary holds whole messages
    zoo = str(Path(__file__).with_name("zoo.py"))
    which = ("--interp-fixtures", "planted-gaussian", "-k", "zoo-raises and not contract")
    done = suite_run("--interp-method", zoo, "--interp-methods", "zoo-raises", *which)
    assert " failed" in done.stdout
    assert done.stdout.count("RuntimeError: the zoo's own failure") > 4, "each test says what it failed by"
    assert done.stdout.count("Traceback (most recent call last)") == 1


@pytest.mark.slow
def test_two_workers_share_the_cells_and_one_leaderboard_is_printed(suite_run: Run, tmp_path: Path) -> None:
    fixtures = ("--interp-fixtures", "planted-gaussian,planted-wide", "--interp-methods", "leace,sal")
    done = suite_run("-n", "2", "--dist", "loadgroup", "-k", "not contract", "--interp-store", "two", *fixtures)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("interpmark leaderboard") == 1
    suite_run("-k", "not contract", "--interp-store", "one", *fixtures)
    results = [
        {str(card.cell): card.results() for card in Store(tmp_path / name).scorecards()} for name in ("one", "two")
    ]
    assert len(results[0]) == 4
    assert results[0] == results[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "warned"),
    [
        (["-n", "2"], True),  # no option of the suite's is needed
        (["-n", "2", "--dist", "loadscope", "--interp-fixtures", "planted-gaussian"], True),
        (["-n", "2", "--dist", "loadgroup"], False),
        ([], False),
    ],
)
def test_a_distribution_that_parts_a_capture_is_warned_of(suite_run: Run, arguments: list[str], warned: bool) -> None:
    done = suite_run("-k", "edit_norm and mean-projection-planted-gaussian", *arguments)
    assert "1 passed" in done.stdout
    assert ("run interpmark with '--dist loadgroup'" in done.stdout) == warned


def test_other_tests_may_be_distributed_as_they_like(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_nothing(): pass\n")
    command = [sys.executable, "-m", "pytest", "-n", "1", "-W", "error", "-p", "no:cacheprovider", "test_other.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert "1 passed" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--interp-methods", "leec"], "did you mean 'leace'"),
        (["--interp-methods", "inlp(rnk=2)"], "rank"),
        (["--interp-fixtures", "gendr@*"], "did you mean 'gender'"),
        (["--interp-sites", "resid_post.30"], "does not exist on smollm2-135m"),
        (["--interp-subject", "smolm2-135m"], "smollm2-135m"),
        (["--interp-method", "missing.py"], "missing.py"),
        (["--interp-concept", "missing.jsonl"], "missing.jsonl"),
        (["--interp-seeds", "one"], "whole numbers"),
        (["--interp-seeds", "0,-1"], "from 0 on"),
        (["--interp-time-limit", "0"], "above zero"),
        (["--interp-device", "cuda:93"], "sees 0 CUDA devices" if not torch.cuda.is_available() else "is not there"),
        (["--interp-dtype", "float33"], "did you mean 'float32'"),
    ],
)
def test_a_bad_option_is_told_before_anything_runs(suite_run: Run, arguments: list[str], message: str) -> None:
    done = suite_run(*arguments)
    assert done.returncode == 4, done.stdout
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_plugin_is_silent_and_light_in_other_sessions(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n"
        "def test_light():\n"
        "    heavy = {'torch', 'transformers', 'pandas', 'sklearn', 'datasets', 'scipy'}\n"
        "    assert not heavy & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_other.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "interpmark" not in done.stdout


def test_commas_inside_parentheses_do_not_split() -> None:
    assert split_specs("leace, inlp(rank=4, weight_decay=1.0) ,sal") == [
        "leace",
        "inlp(rank=4, weight_decay=1.0)",
        "sal",
    ]
