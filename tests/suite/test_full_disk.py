"""A store or a cache that cannot be written ends the run with one message: no method is blamed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from interpmark.reports.store import Store

ARGUMENTS = ("-k", "not contract", "--interp-fixtures", "planted-gaussian", "--interp-methods", "leace,sal")


def _run(folder: Path, before: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    python = [sys.executable, "-m", "pytest", "--pyargs", "interpmark.suite", "-p", "no:cacheprovider"]
    python += arguments or ARGUMENTS
    limited = ["bash", "-c", f'{before}; exec "$@"', "bash", *python, "--interp-store", "store"]
    return subprocess.run(limited, cwd=folder, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "status"), [((), 4), (("-n", "2", "--dist", "loadgroup"), 2)])
def test_no_room(tmp_path: Path, workers: tuple[str, ...], status: int) -> None:
    done = _run(tmp_path, "ulimit -f 4", *ARGUMENTS, *workers)  # KiB a file
    told = done.stdout + done.stderr
    assert done.returncode == status, told
    assert "INTERNALERROR" not in told
    assert "cannot be written (File too large): make room" in told
    assert "The method's own code raised this" not in told
    assert not Store(tmp_path / "store").keys()
    assert not list((tmp_path / "store").glob("*/.*")), "a part of a file was left behind"


@pytest.mark.slow
def test_the_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("mine")
    done = _run(tmp_path, ":")
    assert done.returncode == 4
    assert "store is a file; a store is a folder" in done.stdout + done.stderr
    assert (tmp_path / "store").read_text() == "mine"


@pytest.mark.slow
def test_the_cache_cannot_be_written(tmp_path: Path, tiny_llama: Path, weather: Path) -> None:
    where = ("--interp-subject", str(tiny_llama), "--interp-sites", "resid_post.1", "--interp-concept", str(weather))
    chosen = ("--interp-fixtures", "weather", "--interp-methods", "leace,sal")
    (tmp_path / "cache").symlink_to("nowhere")
    done = _run(tmp_path, "export INTERPMARK_CACHE=cache", *where, *chosen, "-k", "not contract")
    told = done.stdout + done.stderr
    assert done.returncode == 4, told
    assert told.count("set INTERPMARK_CACHE to a folder that can be, or run with --interp-no-cache") == 1
    assert "Error" not in told, "there is no traceback"
