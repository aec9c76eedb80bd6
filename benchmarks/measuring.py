"""Running both sides of a work in turn, each time in a new process."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .registry import Settings
from .rows import Row
from .works import Work

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Taken:
    """What one run of a side took.

    Attributes:
        seconds: Time of the work alone.
        start_mb: Peak memory before it: the interpreter, the libraries and the input.
        peak_mb: Peak memory after it.

    """

    seconds: float
    start_mb: float
    peak_mb: float


def measure(module: str, works: Sequence[Work], settings: Settings) -> list[Row]:
    """A row for each work that is asked for."""
    asked = settings.works
    return [
        _measure(module, index, work, settings)
        for index, work in enumerate(works)
        if not asked or any(part in work.name for part in asked)
    ]


def _measure(module: str, index: int, work: Work, settings: Settings) -> Row:
    import numpy as np

    repetitions = settings.repetitions or work.repetitions
    ours: list[Taken] = []
    theirs: list[Taken] = []
    with tempfile.TemporaryDirectory(prefix="interpmark-bench-") as name:
        folder = Path(name)
        _spawn(module, index, "data", folder, settings.small)
        for repetition in range(repetitions):
            sides = [("ours", ours), ("peer", theirs)]
            # In turn, and who begins in turn too: a machine that slows down or warms up favours neither.
            for role, takes in sides if repetition % 2 == 0 else sides[::-1]:
                takes.append(_run(module, index, role, folder, settings.small))
                _say(f"{work.name}, {role}: {takes[-1].seconds:.3f} s, {takes[-1].peak_mb:.0f} MiB")
        with np.load(folder / "ours.npz") as mine, np.load(folder / "peer.npz") as other:
            agreement = work.agreement(dict(mine), dict(other))
    return _row(work, ours, theirs, agreement)


def _row(work: Work, ours: Sequence[Taken], theirs: Sequence[Taken], agreement: str) -> Row:
    ratios = [peer.seconds / mine.seconds for mine, peer in zip(ours, theirs, strict=True)]
    ratio = statistics.median(ratios)
    grown = [max(taken.peak_mb - taken.start_mb for taken in takes) for takes in (ours, theirs)]
    return Row(
        work=work.name,
        peer=work.peer,
        ours_s=statistics.median(taken.seconds for taken in ours),
        peer_s=statistics.median(taken.seconds for taken in theirs),
        ratio=ratio,
        ours_mb=max(taken.peak_mb for taken in ours),
        peer_mb=max(taken.peak_mb for taken in theirs),
        spread=(max(ratios) - min(ratios)) / ratio,
        note=f"{agreement}; above the start {grown[0]:.0f} and {grown[1]:.0f} MiB; {len(ratios)} repetitions",
    )


def _run(module: str, index: int, role: str, folder: Path, small: bool) -> Taken:
    _spawn(module, index, role, folder, small)
    return Taken(**json.loads((folder / f"{role}.json").read_text(encoding="utf-8")))


def _spawn(module: str, index: int, role: str, folder: Path, small: bool) -> None:
    # This process stays small: a child's peak memory begins at that of the process that made it.
    command = [sys.executable, "-m", f"{__package__}.child", module, str(index), role, str(folder)]
    done = subprocess.run([*command, *(["--small"] if small else [])], cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed with status {done.returncode}; its own message is above")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
