"""Where the time of the main job goes: shares of the wall time of one cold run, by stage.

One `pytest suite` runs in a process of its own under a sampling profiler, on a prepared subject with an empty
activation cache and an empty store; `--fixtures` narrows it. A sample counts for the innermost place that `PLACES`
names, whoever called it, so the shares add up to one. The profiler looks every two milliseconds at the main thread,
which takes part in a matrix product and waits for its other threads; it slows Python code down a little, and compiled
code not at all. The interpreter's own start, before pytest is imported, is not in it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from .job import Job
from .registry import Settings
from .rows import Row

INTERVAL = 0.002

PLACES = {
    "fixtures/subjects/load.py": "loading the subject",
    "fixtures/subjects/sinks.py": "looking for sinks",
    "fixtures/subjects/capture.py:capture": "capture",
    "fixtures/subjects/cache.py": "activation cache",
    "suite/stage.py": "grounds: tokens, splits",
    "suite/runs.py:log_probs": "resumed prompts",
    "suite/runs.py:run_corpus": "resumed corpus",
    "suite/fitting.py": "fit, apply, and the checks of both",
    "suite/claims.py": "claims",
    "suite/contract.py": "contract of the methods",
    "suite/measures/adversaries.py": "adversaries",
    "suite/scoring.py": "other arithmetic of the measures",
    "reports/intervals.py": "intervals",
    "reports/": "store and leaderboard",
    "suite/summary.py": "store and leaderboard",
    "methods/edit_files.py": "store and leaderboard",
    "suite/keys.py": "collection and keys",
    "suite/cells.py": "collection and keys",
    "suite/plugin.py:pytest_generate_tests": "collection and keys",
}
"""The stage of a function, of a file, or of what is in a folder; the most particular of them counts."""

IMPORTS, REST = "imports", "pytest and the rest"


def rows(settings: Settings) -> list[Row]:
    """Measure: a row for each stage, the longest first."""
    with tempfile.TemporaryDirectory(prefix="interpmark-bench-") as name:
        job = Job.prepared(Path(name), settings.small)
        file = job.folder / "profile.json"
        job.spawn([sys.executable, "-m", __name__, str(file), *job.arguments(_narrowed(settings))])
        stages = json.loads(file.read_text(encoding="utf-8"))
    wall = sum(stages.values())
    what = settings.fixtures or ("a tiny run" if settings.small else "the default run")
    return [
        Row(f"profile: {stage}", what, seconds, wall, seconds / wall, None, None, None, f"{seconds / wall:.1%}")
        for stage, seconds in sorted(stages.items(), key=lambda item: -item[1])
    ]


def _narrowed(settings: Settings) -> list[str]:
    fixtures = settings.fixtures or ("planted-gaussian" if settings.small else None)
    few = ["--interp-methods", "leace"] if settings.small else []
    return [*few, *(["--interp-fixtures", fixtures] if fixtures else [])]


def stage_of(places: Iterable[tuple[str, str]]) -> str:
    """The stage of a sample from its stack: files relative to the package, with functions, the innermost first."""
    for file, function in places:
        if file.startswith("<frozen importlib"):
            return IMPORTS
        folder = file.rpartition("/")[0] + "/"
        for key in (f"{file}:{function}", file, folder):
            if key in PLACES:
                return PLACES[key]
    return REST


def _profile(arguments: list[str]) -> dict[str, float]:
    """Seconds of each stage of one run of pytest in this process."""
    from pyinstrument import Profiler

    with Profiler(interval=INTERVAL, async_mode="disabled") as profiler:
        import pytest

        status = pytest.main(arguments)
    if status:
        raise SystemExit(status)
    seconds: Counter[str] = Counter()
    for stack, taken in profiler.last_session.frame_records:
        calls = [frame.split("\x01")[0].split("\x00") for frame in reversed(stack)]
        places = ((_relative(call[1]), call[0]) for call in calls if len(call) > 1)
        seconds[stage_of(places)] += taken
    return dict(seconds)


@cache
def _relative(file: str) -> str:
    """The file of a frame, relative to the package where it is of the package."""
    import interpmark.suite.engine

    root = Path(interpmark.suite.engine.__file__).resolve().parents[1]
    path = Path(file).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else file


if __name__ == "__main__":
    found = _profile(sys.argv[2:])
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")
