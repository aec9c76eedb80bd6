"""Cells scored by Ray: the results of a local run, whatever dies; and no Ray where none was asked for."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from interpmark.reports.store import Store

Run = Callable[..., subprocess.CompletedProcess[str]]

METHODS = Path(__file__).with_name("slow_methods.py")
STEPS = 5
FIXTURES = ("planted-gaussian", "planted-wide")
# The test of steering has no cells in a run of erasers.
ARGUMENTS = (
    "-k", "edit_norm or steering", "--interp-method", METHODS.name, "--interp-fixtures", ",".join(FIXTURES),
)  # fmt: skip
SLOW = ",".join(f"slow(step={step})" for step in range(1, STEPS))
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'interpmark[ray]'"
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder of the test's own: Ray writes the token of a cluster that it starts into it."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with the method file in it, so that the actors must find it by the driver's folder."""
    (tmp_path / METHODS.name).write_text(METHODS.read_text())
    return tmp_path


@pytest.fixture
def slowly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fits take their time, and the processes that fit are written to a log."""
    monkeypatch.setenv("SLOW_SECONDS", "0.4")
    monkeypatch.setenv("SLOW_LOG", str(folder / "fits.log"))
    return folder / "fits.log"


@pytest.fixture
def cluster(slowly: Path) -> Iterator[Any]:
    """Two nodes on this machine with room for one actor each."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    yield cluster
    cluster.shutdown()


def _command(*arguments: str) -> list[str]:
    return [
        sys.executable, "-m", "pytest", "--pyargs", "interpmark.suite", "-p", "no:cacheprovider", *ARGUMENTS, *arguments
    ]  # fmt: skip


def _results(store: Path) -> dict[str, object]:
    cards = Store.open(store).scorecards()
    results = {str(card.cell): card.results() for card in cards}
    assert len(results) == len(cards), "a cell is in the store twice"
    return results


def _wait(process: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    while not ready():
        if process.poll() is not None:
            pytest.fail(f"the run ended too early:\n{process.communicate()[0]}")
        time.sleep(0.02)


def _fitting(log: Path) -> set[str]:
    return set(log.read_text().split()) if log.exists() else set()


@needs_ray
@pytest.mark.slow
def test_a_node_is_killed_half_way(cluster: Any, folder: Path, slowly: Path, suite_run: Run) -> None:
    methods = ("--interp-methods", SLOW)
    on_ray = ("--interp-executor", "ray", "--interp-ray-address", cluster.address, "--interp-store", "ray")
    with subprocess.Popen(
        _command(*methods, *on_ray), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        cells = folder / "ray" / "cells"
        _wait(process, lambda: len(_fitting(slowly)) == 2 and len(list(cells.glob("*.json"))) >= 2)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        assert len(list(cells.glob("*.json"))) < STEPS * len(FIXTURES), "the run was over before the node was killed"
        out = process.communicate(timeout=300)[0]
    assert process.returncode == 0, out
    assert " died; " in out and "run again" in out
    local = suite_run(*ARGUMENTS, *methods, "--interp-store", "local", folder=folder)
    assert local.returncode == 0, local.stdout
    assert len(_results(folder / "ray")) == STEPS * len(FIXTURES)
    assert _results(folder / "ray") == _results(folder / "local")
    edits = [{path.name: path.read_bytes() for path in (folder / n / "edits").iterdir()} for n in ("ray", "local")]
    assert edits[0] == edits[1]


@needs_ray
@pytest.mark.slow
def test_ctrl_c_stops_the_actors_and_keeps_what_has_arrived(
    folder: Path, slowly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW_SECONDS", "3")  # on a busy machine a faster run is over before the signal is sent
    # A shell has its jobs in the background ignore Ctrl-C, and what they start inherits that.
    (folder / "heed.py").write_text("import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n")
    command = _command("-p", "heed", "--interp-methods", SLOW, "--interp-executor", "ray", "--interp-store", "ray")
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        cells = folder / "ray" / "cells"
        _wait(process, lambda: len(list(cells.glob("*.json"))) >= 2)
        os.killpg(process.pid, signal.SIGINT)  # what a terminal sends: to every process in front of it
        out = process.communicate(timeout=120)[0]
    assert process.returncode == 2, out
    assert "KeyboardInterrupt" in out
    assert 2 <= len(_results(folder / "ray")) < STEPS * len(FIXTURES)
    assert not [pid for pid in _fitting(slowly) if Path(f"/proc/{pid}").exists()]


@needs_ray
@pytest.mark.slow
def test_a_method_that_kills_its_process_is_a_row_and_the_others_are_scored(folder: Path, suite_run: Run) -> None:
    (folder / "conftest.py").write_text(Path(__file__).with_name("crashing_method.py").read_text())
    (folder / "test_all.py").write_text("from interpmark.suite.test_edit_norm import test_edit_norm\n")
    arguments = ("--interp-executor", "ray", "--interp-ray-cpus", "0.5", "-k", "not median-projection")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_all.py", "--interp-store", "ray"]
    methods = "leace,crashing,sal,median-projection"
    done = subprocess.run(
        [*command, "--interp-methods", methods, "--interp-fixtures", FIXTURES[0], *arguments],
        cwd=folder, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    cards = {card.cell.method: card for card in Store.open(folder / "ray").scorecards()}
    assert {name: card.status for name, card in cards.items()} == {"leace": "ok", "sal": "ok", "crashing": "error"}
    error = cards["crashing"].error
    assert error is not None and "3 Ray actors died while they scored this cell" in error.message
    assert error.message in done.stdout


@needs_ray
@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--interp-ray-cpus", "100000"), "an actor asks for 100000 CPU and 0 GPU"),
        (("--interp-ray-address", "127.0.0.1:9"), "nobody answers there"),
    ],
)
def test_a_cluster_that_cannot_serve_is_told_once(suite_run: Run, arguments: tuple[str, ...], message: str) -> None:
    done = suite_run("-k", "edit_norm", "--interp-executor", "ray", "--interp-fixtures", FIXTURES[0], *arguments)
    assert done.returncode == 4, done.stdout
    assert (done.stdout + done.stderr).count(message) == 1
    assert "Traceback" not in done.stdout + done.stderr


@pytest.fixture
def without_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python process that is started has no Ray."""
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked" / "sitecustomize.py").write_text("import sys\nsys.modules['ray'] = None\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "blocked"), os.environ.get("PYTHONPATH", "")]))


@pytest.mark.usefixtures("without_ray")
def test_a_missing_ray_is_told_at_once_and_with_the_remedy(suite_run: Run) -> None:
    done = suite_run("--interp-executor", "ray")
    assert done.returncode == 4, done.stdout
    assert "pip install 'interpmark[ray]'" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.usefixtures("without_ray")
def test_a_plain_run_needs_no_ray(suite_run: Run) -> None:
    done = suite_run("-k", "edit_norm", "--interp-methods", "leace", "--interp-fixtures", FIXTURES[0])
    assert done.returncode == 0, done.stdout


def test_a_plain_run_imports_no_ray(suite_run: Run, folder: Path) -> None:
    (folder / "spy.py").write_text(
        "import sys\ndef pytest_terminal_summary(terminalreporter):\n"
        "    terminalreporter.write_line(f\"ray imported: {'ray' in sys.modules}\")\n"
    )
    done = suite_run("-p", "spy", "-k", "edit_norm", "--interp-methods", "leace", "--interp-fixtures", FIXTURES[0])
    assert done.returncode == 0, done.stdout
    assert "ray imported: False" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--interp-executor", "rai"], "did you mean 'ray'"),
        (["--interp-ray-cpus", "2"], "need --interp-executor ray"),
        (["--interp-executor", "ray", "--interp-ray-cpus", "two"], "numbers"),
        pytest.param(["--interp-executor", "ray", "--interp-ray-cpus", "1.5"], "above 1", marks=needs_ray),
        pytest.param(["--interp-executor", "ray", "--interp-device", "cuda"], "--interp-ray-gpus", marks=needs_ray),
        pytest.param(["--interp-executor", "ray", "-n", "2"], "leave -n out", marks=needs_ray),
    ],
)
def test_what_cannot_work_is_told_before_anything_runs(suite_run: Run, arguments: list[str], message: str) -> None:
    done = suite_run(*arguments, "--interp-fixtures", FIXTURES[0])
    assert done.returncode == 4, done.stdout
    assert message in done.stdout + done.stderr
