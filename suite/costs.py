"""What a piece of work cost: wall time and peak memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass
class Cost:
    """Filled in when the measured block ends.

    Attributes:
        seconds: Wall time.
        peak_mb: Highest resident memory above that at the start, in megabytes; None where the system does not tell.

    """

    seconds: float = 0.0
    peak_mb: float | None = None


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure the block. Linux lets a process reset its memory high-water mark; elsewhere `peak_mb` stays None."""
    cost = Cost()
    before = _reset_peak()
    start = time.perf_counter()
    try:
        yield cost
    finally:
        cost.seconds = time.perf_counter() - start
        if before is not None:
            cost.peak_mb = max(0.0, (_field("VmHWM") - before) / 1024)


def _reset_peak() -> int | None:
    try:
        _CLEAR.write_text("5", encoding="ascii")
        return _field("VmRSS")
    except OSError:
        return None


def _field(name: str) -> int:
    for line in _STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1])  # kB
    raise OSError(f"{_STATUS} has no {name}")
