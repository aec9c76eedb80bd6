"""One side of one work in a process of its own, so that its peak memory is its own: `python -m benchmarks.child`."""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import sys
import time
from pathlib import Path

from .works import Side, Work


def main() -> None:
    """Make a work's data, or run one of its sides and write what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("module", help="the benchmark's module, which has works(small)")
    parser.add_argument("index", type=int, help="which of its works")
    parser.add_argument("role", choices=["data", "ours", "peer"])
    parser.add_argument("folder", type=Path, help="where the data and the results are")
    parser.add_argument("--small", action="store_true")
    asked = parser.parse_args()
    work: Work = importlib.import_module(asked.module).works(asked.small)[asked.index]
    if asked.role == "data":
        work.data(asked.folder)
    else:
        _run(work.ours if asked.role == "ours" else work.theirs, asked.folder, asked.role)


def _run(side: Side, folder: Path, role: str) -> None:
    import numpy as np

    ready = side.prepare(folder)
    before = peak_mb()
    clock = time.perf_counter()
    result = side.work(ready)
    seconds = time.perf_counter() - clock
    after = peak_mb()
    np.savez(folder / f"{role}.npz", allow_pickle=False, **dict(side.report(ready, result)))
    taken = {"seconds": seconds, "start_mb": before, "peak_mb": after}
    (folder / f"{role}.json").write_text(json.dumps(taken), encoding="utf-8")


def peak_mb() -> float:
    """The largest resident memory that this process has had, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # kilobytes, but bytes on macOS


if __name__ == "__main__":
    main()
