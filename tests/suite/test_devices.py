"""Each worker of pytest-xdist sees a GPU of its own, before anything could load torch.

The workers are real ones. The GPUs are not: an executable named nvidia-smi lists them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from interpmark.suite.devices import pin_worker, visible_devices

Workers = Callable[..., Mapping[str, str]]

# What a conftest.py finds when it is loaded, which is before any test is.
CONFTEST = """
import os, pathlib, sys
worker = os.environ.get("PYTEST_XDIST_WORKER", "controller")
visible = os.environ.get("CUDA_VISIBLE_DEVICES", "unset")
pathlib.Path(worker + ".seen").write_text(visible + (" after torch" if "torch" in sys.modules else ""))
"""
UUIDS = ("GPU-5f0a4c1e-9a52-11ee-b9d1-0242ac120002", "MIG-2c7d1b9a-5b1f-5f53-8d2a-7c0f2e0a1b3c")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Gives the machine a number of GPUs."""
    # These tests may be run by a worker themselves.
    for name in ("PYTEST_XDIST_WORKER", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))  # and no other nvidia-smi
    (tmp_path / "bin").mkdir()

    def has(gpus: int) -> None:
        lines = [f"GPU {i}: NVIDIA H200 (UUID: GPU-{i})" for i in range(gpus)] or ["No devices found."]
        program = tmp_path / "bin" / "nvidia-smi"
        body = '[ "$*" = "-L" ] || exit 2\n' + "".join(f"echo '{line}'\n" for line in lines)
        program.write_text(f"#!/bin/sh\n{body}")
        program.chmod(0o755)

    return has


@pytest.fixture
def workers(tmp_path: Path, machine: Callable[[int], None]) -> Workers:
    """Runs `-n N` and tells what each worker, and the controller, sees."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_nothing.py").write_text("def test_nothing(): pass\n")

    def run(n: int, *arguments: str) -> Mapping[str, str]:
        fixtures = ("--interp-fixtures", "planted-gaussian")  # which need no GPU
        command = [sys.executable, "-m", "pytest", "-n", str(n), "--dist", "each", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, *fixtures, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return {path.stem: path.read_text() for path in tmp_path.glob("*.seen")}

    return run


CUDA = ("--interp-device", "cuda")


def test_each_worker_sees_one_gpu_counted_round(machine: Callable[[int], None], workers: Workers) -> None:
    machine(2)
    assert workers(3, *CUDA) == {"controller": "unset", "gw0": "0", "gw1": "1", "gw2": "0"}


def test_uuids_are_given_out_as_they_were_named(
    machine: Callable[[int], None], workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(8)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ", ".join(UUIDS))
    assert workers(2, *CUDA) == {"controller": ", ".join(UUIDS), "gw0": UUIDS[0], "gw1": UUIDS[1]}


def test_a_device_that_was_chosen_stays_visible(machine: Callable[[int], None], workers: Workers) -> None:
    machine(2)
    assert set(workers(2, "--interp-device", "cuda:1").values()) == {"unset"}


@pytest.mark.parametrize(
    ("visible", "left"),
    [("3,1", ["3", "1"]), ("2", ["2"]), ("1,-1,0", ["1"]), ("", []), ("-1", [])],
)
def test_the_list_is_read_as_cuda_reads_it(visible: str, left: list[str], machine: Callable[[int], None]) -> None:
    """Up to the first entry that names no GPU; how many the machine has does not matter."""
    machine(8)
    assert visible_devices({"CUDA_VISIBLE_DEVICES": visible}) == left


@pytest.mark.parametrize("gpus", [0, 1, 8])
def test_without_a_list_the_machine_is_asked(gpus: int, machine: Callable[[int], None]) -> None:
    machine(gpus)
    assert visible_devices({}) == [str(index) for index in range(gpus)]


@pytest.mark.usefixtures("machine")
def test_without_nvidia_smi_there_is_none_to_choose() -> None:
    assert visible_devices({}) == []


@pytest.mark.parametrize(
    ("device", "worker"), [("cpu", "gw1"), ("mps", "gw1"), ("cuda:0", "gw1"), ("cuda", "mine"), ("cuda", "")]
)
def test_without_a_choice_the_environment_stays(device: str, worker: str) -> None:
    environment = {"PYTEST_XDIST_WORKER": worker, "CUDA_VISIBLE_DEVICES": "4,5"}
    pin_worker(device, environment)
    assert environment == {"PYTEST_XDIST_WORKER": worker, "CUDA_VISIBLE_DEVICES": "4,5"}
