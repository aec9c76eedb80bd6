"""The benchmarks run: every name has a module, and a tiny work gives a row with all its fields."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FIELDS = ("work", "peer", "ours_s", "peer_s", "ratio", "ours_mb", "peer_mb", "spread")


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=one_thread)


@pytest.fixture(scope="module")
def names():
    done = benchmarks("--list")
    assert done.returncode == 0, done.stderr
    return [line.split()[0] for line in done.stdout.splitlines()]


def test_every_listed_benchmark_has_a_module(names):
    assert {"inlp", "rlace", "leace-fit", "leace-stream", "capture", "leaderboard", "panel", "floor"} == set(names)
    assert [name for name in names if not (ROOT / "benchmarks" / f"{name.replace('-', '_')}.py").is_file()] == []


def test_an_unknown_name_is_answered_with_the_names_that_there_are(names):
    done = benchmarks("--only", "leec")
    assert done.returncode != 0
    assert "leec" in done.stderr and "leace-fit" in done.stderr


@pytest.mark.parametrize("name", ["inlp", "leace-fit"])
def test_a_tiny_work_is_done_by_both_sides_and_they_agree(name, tmp_path):
    file = tmp_path / "rows.json"
    done = benchmarks("--only", name, "--small", "--repetitions", "2", "--json", str(file))
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(file.read_text("utf-8"))
    assert set(FIELDS) <= set(row)
    assert row["work"].startswith(name) and row["work"] in done.stdout
    numbers = [row[field] for field in FIELDS[2:]]
    assert all(isinstance(number, float) for number in numbers)
    assert min(numbers[:-1]) > 0 and row["spread"] >= 0
    # Peak memory of a process that has loaded torch or scikit-learn, in MiB.
    assert 50 < row["ours_mb"] < 4000 and 50 < row["peer_mb"] < 4000
    assert "agree" in row["note"] or float(row["note"].split("differ by ")[1].split()[0]) < 1e-8


def test_rlace_runs_the_peers_first_steps_unless_the_whole_loop_is_asked_for(tmp_path):
    file = tmp_path / "rows.json"
    done = benchmarks("--only", "rlace", "--small", "--repetitions", "1", "--json", str(file))
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(file.read_text("utf-8"))
    assert "first 20 of 50000 steps" in row["work"]
    assert row["ratio"] > 0 and row["note"].startswith("residual accuracy ")
