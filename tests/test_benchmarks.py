"""The benchmarks run: every name has a module, and a tiny work gives a row with all its fields."""

import ast
import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from interpmark.methods import get_method

ROOT = Path(__file__).resolve().parents[1]
FIELDS = ("work", "peer", "ours_s", "peer_s", "ratio", "ours_mb", "peer_mb", "spread")


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=one_thread)


@pytest.fixture
def importable(monkeypatch):
    """The benchmarks are not installed: they are run from the repository."""
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture(scope="module")
def names():
    done = benchmarks("--list")
    assert done.returncode == 0, done.stderr
    return [line.split()[0] for line in done.stdout.splitlines()]


def test_every_listed_benchmark_has_a_module(names):
    fits = {"inlp", "rlace", "leace-fit", "leace-stream", "panel"}
    assert fits | {"capture", "leaderboard", "floor", "batch-size", "growth", "profile"} == set(names)
    assert [name for name in names if not (ROOT / "benchmarks" / f"{name.replace('-', '_')}.py").is_file()] == []


def test_an_unknown_name_is_answered_with_the_names_that_there_are(names):
    done = benchmarks("--only", "leec")
    assert done.returncode != 0
    assert "leec" in done.stderr and "leace-fit" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inlp", "leace-fit"])
def test_a_tiny_work_is_done_by_both_sides_and_they_agree(name, tmp_path):
    file = tmp_path / "rows.json"
    done = benchmarks("--only", name, "--small", "--repetitions", "2", "--json", str(file))
    assert done.returncode == 0, done.stderr
    for row in json.loads(file.read_text("utf-8")):
        assert set(FIELDS) <= set(row)
        assert row["work"].startswith(name) and row["work"] in done.stdout
        numbers = [row[field] for field in FIELDS[2:]]
        assert all(isinstance(number, float) for number in numbers)
        assert min(numbers[:-1]) > 0 and row["spread"] >= 0
        # Peak memory of a process that has loaded torch or scikit-learn, in MiB.
        assert 50 < row["ours_mb"] < 4000 and 50 < row["peer_mb"] < 4000
        assert "agree" in row["note"] or float(row["note"].split("differ by ")[1].split()[0]) < 1e-8


def rows_of(name: str, *arguments: str, into: Path) -> list[dict]:
    done = benchmarks("--only", name, "--small", "--json", str(into / "rows.json"), *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads((into / "rows.json").read_text("utf-8"))


@pytest.mark.slow
def test_growth_is_that_of_the_main_job_and_is_drawn(tmp_path):
    (row,) = rows_of("growth", "--work", "sites", "--plots", str(tmp_path / "plots"), into=tmp_path)
    assert (row["work"], row["peer"]) == ("growth sites=3", "itself at sites=1")
    assert row["ratio"] == pytest.approx(row["ours_s"] / row["peer_s"] / 3)
    with (tmp_path / "plots" / "growth.csv").open(newline="") as file:
        points = list(csv.DictReader(file))
    assert [(point["axis"], int(point["size"])) for point in points] == [("sites", 1), ("sites", 3)]
    assert [float(point["seconds"]) for point in points] == [row["peer_s"], row["ours_s"]]
    plotted = (tmp_path / "plots" / "growth.png").is_file()
    assert plotted == (importlib.util.find_spec("matplotlib") is not None)


@pytest.mark.slow
def test_batch_sizes_are_compared_with_the_usual_one(tmp_path):
    small, usual = rows_of("batch-size", "--work", "ends", "--plots", str(tmp_path / "plots"), into=tmp_path)
    assert [row["work"] for row in (small, usual)] == ["batch-size ends tokens=512", "batch-size ends tokens=1024"]
    assert usual["ratio"] == 1 and small["peer_s"] == usual["ours_s"]
    with (tmp_path / "plots" / "batch-size.csv").open(newline="") as file:
        assert [(line["work"], int(line["tokens"])) for line in csv.DictReader(file)] == [("ends", 512), ("ends", 1024)]


def test_rows_written_earlier_are_drawn_again(tmp_path):
    sizes = [(1024, 2, 512), (2048, 2, 512), (2048, 2, 1024)]
    names = ["d={} k={} n={}".format(*size) for size in sizes]
    peers = dict(zip(names[1:], names, strict=False))
    rows = [
        {"work": f"leace-stream {name}", "peer": f"itself at {peer}", "ours_s": 2.0, "peer_s": 1.0, "ratio": 0.5,
         "ours_mb": 900.0, "peer_mb": 700.0, "spread": 0.0, "note": ""}
        for name, peer in peers.items()
    ]  # fmt: skip
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    done = benchmarks("--draw", str(tmp_path / "rows.json"), "--plots", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert sorted(path.stem for path in tmp_path.glob("*.csv")) == ["leace-stream"]
    with (tmp_path / "leace-stream.csv").open(newline="") as file:
        assert [tuple(map(int, line[:3])) for line in list(csv.reader(file))[1:]] == sizes


def test_the_methods_of_growth_are_32_different_ones(importable):
    from benchmarks.growth import METHODS, spread

    assert len({get_method(spec).name for spec in METHODS}) == len(METHODS) == 32
    for count in (1, 3, 10, 30):
        blocks = [int(site.rpartition(".")[2]) for site in spread(count, 30)]
        assert len(set(blocks)) == count and sum(blocks) / count == pytest.approx(14.5, abs=0.7)


@pytest.mark.slow
def test_a_profile_has_all_of_the_time(tmp_path):
    rows = rows_of("profile", into=tmp_path)
    assert sum(row["ratio"] for row in rows) == pytest.approx(1)
    stages = {row["work"].removeprefix("profile: ") for row in rows}
    assert {"imports", "contract of the methods", "adversaries", "intervals"} <= stages


def test_a_sample_counts_for_the_innermost_place(importable):
    from benchmarks.profile import stage_of

    score = [("suite/scoring.py", "score_edit"), ("suite/engine.py", "_score")]
    panel = [("suite/measures/logistic.py", "fit_logistic"), ("suite/measures/adversaries.py", "fit_panel")]
    assert stage_of([("torch/x.py", "solve"), *panel, *score]) == "adversaries"
    assert stage_of([("suite/measures/edit_norm.py", "edit_norm"), *score]) == "other arithmetic of the measures"
    assert stage_of([("suite/runs.py", "run"), ("suite/runs.py", "run_corpus"), *score]) == "resumed corpus"
    assert stage_of([("<frozen importlib._bootstrap>", "_load"), *panel]) == "imports"
    assert stage_of([("_pytest/main.py", "main")]) == "pytest and the rest"


def test_the_places_of_a_profile_are_in_the_code(importable):
    from benchmarks.profile import PLACES

    for place in PLACES:
        file, _, function = place.partition(":")
        assert (ROOT / file).exists(), place
        if function:
            nodes = ast.walk(ast.parse((ROOT / file).read_text("utf-8")))
            assert function in {node.name for node in nodes if isinstance(node, ast.FunctionDef)}, place


@pytest.mark.slow
def test_rlace_runs_the_peers_first_steps_unless_the_whole_loop_is_asked_for(tmp_path):
    file = tmp_path / "rows.json"
    done = benchmarks("--only", "rlace", "--small", "--repetitions", "1", "--json", str(file))
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(file.read_text("utf-8"))
    assert "first 20 of 50000 steps" in row["work"]
    assert row["ratio"] > 0 and row["note"].startswith("residual accuracy ")
