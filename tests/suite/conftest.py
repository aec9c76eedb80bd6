from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def suite_run(tmp_path: Path) -> Run:
    """Run the installed suite in a process of its own, from a folder that is not the repository."""

    def run(*arguments: str, folder: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "--pyargs", "interpmark.suite", "-p", "no:cacheprovider", *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)

    return run
