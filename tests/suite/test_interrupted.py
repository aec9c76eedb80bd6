"""A run that is killed half way goes on where it was and ends with the same results."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from interpmark.reports.store import Store

Run = Callable[..., subprocess.CompletedProcess[str]]

ARGUMENTS = (
    "-k", "edit_norm", "--interp-fixtures", "planted-gaussian,planted-wide",
    "--interp-methods", "leace,sal,inlp(rank=4),random-direction",
)  # fmt: skip
CELLS = 8


def _results(store: Path) -> dict[str, object]:
    return {str(card.cell): card.results() for card in Store(store).scorecards()}


def test_sigkill_half_way(suite_run: Run, tmp_path: Path) -> None:
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-m", "pytest", "--pyargs", "interpmark.suite", "-p", "no:cacheprovider", *ARGUMENTS]
    process = subprocess.Popen([*command, "--interp-store", str(killed)], cwd=tmp_path, stdout=subprocess.DEVNULL)
    while not list(killed.glob("cells/*.json")):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = len(Store(killed).scorecards())
    assert 0 < before < CELLS

    again = suite_run(*ARGUMENTS, "--interp-store", str(killed))
    assert again.returncode == 0, again.stdout
    suite_run(*ARGUMENTS, "--interp-store", str(whole))
    assert len(_results(killed)) == CELLS
    assert _results(killed) == _results(whole)
