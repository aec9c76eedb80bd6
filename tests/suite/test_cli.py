"""The command line, as a process of its own."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
ONE_CELL = ("--interp-methods", "mean-projection", "--interp-fixtures", "planted-gaussian")


def _interpmark(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from interpmark.suite.cli import app; app()", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("what", "expected"),
    [("methods", "inlp(rank=16)"), ("fixtures", "tense@smollm2-135m/resid_post.20:last"), ("subjects", "smollm2-135m")],
)
def test_list(what: str, expected: str, tmp_path: Path) -> None:
    done = _interpmark("list", what, folder=tmp_path)
    assert expected in done.stdout, done.stderr


@pytest.mark.parametrize(
    "command", [["list", "methods"], ["leaderboard", "store"], ["merge", "store", "--into", "all"]]
)
def test_reading_does_not_import_torch(command: list[str], suite_run: Run, tmp_path: Path) -> None:
    suite_run("-k", "edit_norm", "--interp-store", "store", *ONE_CELL)
    code = (
        "import sys\nfrom interpmark.suite.cli import app\n"
        f"app({command!r}, standalone_mode=False)\n"
        "assert 'torch._C' not in sys.modules"  # 'torch' itself may stand there, unloaded: methods import it lazily
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert ("1 cells added" if command[0] == "merge" else "mean-projection") in done.stdout


def test_the_leaderboard_goes_to_a_file_in_every_format(suite_run: Run, tmp_path: Path) -> None:
    suite_run("-k", "edit_norm", "--interp-store", "store", *ONE_CELL)
    for name in ("text", "markdown", "latex", "csv", "json", "parquet"):
        done = _interpmark("leaderboard", "store", "--format", name, "--out", f"board.{name}", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert not done.stdout
        assert b"mean-projection" in (tmp_path / f"board.{name}").read_bytes()
    printed = _interpmark("leaderboard", "store", "--format", "csv", folder=tmp_path)
    assert printed.stdout == (tmp_path / "board.csv").read_text()
    refused = _interpmark("leaderboard", "store", "--format", "parquet", folder=tmp_path)
    assert refused.returncode == 2
    assert "--out scores.parquet" in refused.stderr


@pytest.mark.parametrize(
    ("name", "expected"), [("markdown", "arxiv.org/abs/2212.04273"), ("bibtex", "@misc{"), ("latex", "\\cite{")]
)
def test_cite_prints_each_form(name: str, expected: str, suite_run: Run, tmp_path: Path) -> None:
    suite_run("-k", "edit_norm", "--interp-store", "store", *ONE_CELL)
    done = _interpmark("cite", "store", "--format", name, folder=tmp_path)
    assert expected in done.stdout, done.stderr


def test_show_says_formula_parameters_and_claims(tmp_path: Path) -> None:
    done = _interpmark("show", "inlp(rank=4)", folder=tmp_path)
    assert "rank" in done.stdout
    assert "claims:" in done.stdout


def test_show_reads_a_method_file_and_names_what_holds_with_the_parameters(tmp_path: Path) -> None:
    assert _interpmark("new", "my-eraser", folder=tmp_path).returncode == 0
    assert "claims:    affine, guards-linearly" in _interpmark("show", "my_eraser.py", folder=tmp_path).stdout
    claims = {spec: _interpmark("show", spec, folder=tmp_path).stdout for spec in ("leace", "leace(shrinkage=True)")}
    assert "minimal-edit" in claims["leace"]
    assert "minimal-edit" not in claims["leace(shrinkage=True)"]


def test_show_says_what_is_known_of_planted_activations(tmp_path: Path) -> None:
    done = _interpmark("show", "planted-gaussian", folder=tmp_path)
    assert "no language model" in done.stdout
    assert "bayes_accuracy" in done.stdout


def test_show_checks_word_vectors(tmp_path: Path) -> None:
    done = _interpmark("show", "word-vectors", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "unedited accuracy" in done.stdout


def test_show_checks_a_fixture_at_every_site(tiny_llama: Path, weather: Path, tmp_path: Path) -> None:
    """Before the first block nothing can be read at the last token; after the last block the class can."""
    sites = ("--site", "resid_pre.0", "--site", "resid_post.2")
    done = _interpmark("show", str(weather), "--subject", str(tiny_llama), *sites, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    verdicts = {line.split()[0]: line.split()[-1] for line in done.stdout.splitlines() if line.startswith("resid")}
    assert verdicts == {"resid_pre.0": "scored", "resid_post.2": "healthy"}
    assert "not scored (the concept weather has no behavior)" in done.stdout
    assert "On day" in done.stdout


@pytest.mark.model
def test_show_says_what_the_subject_answers(tmp_path: Path) -> None:
    done = _interpmark("show", "tense@*resid_post.20*", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "was/is: mean g before any edit" in done.stdout
    assert done.stdout.count("healthy") == 2


def test_leaderboard_formats(suite_run: Run, tmp_path: Path) -> None:
    suite_run("-k", "edit_norm", "--interp-store", "store", *ONE_CELL)
    for form in ("text", "markdown", "csv", "json"):
        done = _interpmark("leaderboard", "store", "--format", form, folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "mean-projection" in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_tables_are_printed_in_any_encoding(encoding: str) -> None:
    command = [sys.executable, "-c", "from interpmark.suite.cli import app; app()", "list", "methods"]
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(command, env=env, capture_output=True, timeout=300)  # its table has an en dash in it
    assert done.returncode == 0, done.stderr
    assert b"mean-projection" in done.stdout
    assert b"?" not in done.stdout, "a plain character stands for what the encoding lacks"


def test_new_writes_a_method_that_runs_as_it_is(suite_run: Run, tmp_path: Path) -> None:
    assert _interpmark("new", "my-eraser", folder=tmp_path).returncode == 0
    done = suite_run("--interp-method", "my_eraser.py", "--interp-fixtures", "planted-gaussian", "-k", "my-eraser")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_new_writes_a_steerer(suite_run: Run, tmp_path: Path) -> None:
    assert _interpmark("new", "my-steerer", "--kind", "steerer", folder=tmp_path).returncode == 0
    done = suite_run("--interp-method", "my_steerer.py", "--interp-fixtures", "planted-gaussian", "-k", "my-steerer")
    assert done.returncode == 0, done.stdout
    assert "error" not in done.stdout


def test_version(tmp_path: Path) -> None:
    done = _interpmark("--version", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"interpmark {importlib.metadata.version('interpmark')}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "leec"], "did you mean 'leace'"),
        (["show", "gendr"], "did you mean 'gender'"),
        (["show", "zzz"], "'zzz'. `interpmark list methods`"),
        (["show", "mien.py"], "there is no method file mien.py"),
        (["show", "words.tsv"], "words.tsv: a file .tsv is not read (allowed: .jsonl, .csv, .parquet)"),
        (["show", "leace", "--site", "resid_post.3"], "go with a fixture"),
        (["show", "gender", "--site", "resid_post.99"], "resid_post.K with K from 0 to 29"),
        (["show", "gender", "--subject", "smollm2-135n"], "smollm2-135m"),
        (["leaderboard", "nowhere"], "there is no store at nowhere"),
        (["merge", "nowhere", "--into", "all"], "no store at nowhere"),
        (["fetch", "smolm"], "smollm2-135m"),
        (["new", "My Eraser"], "lower-case words"),
    ],
)
def test_errors_are_one_message_without_a_traceback(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "words.tsv").write_text("text\tlabel\n")
    done = _interpmark(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_new_does_not_overwrite(tmp_path: Path) -> None:
    (tmp_path / "my_eraser.py").write_text("mine")
    assert _interpmark("new", "my-eraser", folder=tmp_path).returncode == 2
    assert (tmp_path / "my_eraser.py").read_text() == "mine"
