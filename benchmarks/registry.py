"""The benchmarks by name. Their modules are imported when they are run, for they are not light."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from .rows import Row

BENCHMARKS = {
    "inlp": "INLP of rank 16 against a loop over scikit-learn's logistic regression",
    "rlace": "R-LACE of rank 1 against the published loop",
    "leace-fit": "LEACE fit against concept-erasure's LeaceFitter, by d",
    "panel": "the adversary panel against scikit-learn's equivalents",
    "leaderboard": "twelve erasers and all four measures against the script of a careful user",
    "capture": "capture of all blocks against transformers' output_hidden_states",
    "floor": "the matrix products of the default run, in seconds of this machine",
    "leace-stream": "streaming LEACE at large d and n against itself at a smaller size",
    "batch-size": "resuming the subject against the tokens that a batch holds",
    "growth": "the main job against methods, sites and prompts, against itself at the smallest size",
    "profile": "where the time of the main job goes, as shares of its wall time",
}
"""What each benchmark measures, in the order in which they are run."""


@dataclass(frozen=True)
class Settings:
    """What a run is asked for.

    Attributes:
        small: Shrink all sizes, to see that everything works; the numbers mean nothing.
        repetitions: How often each side runs; None for the work's own number.
        works: Parts of names; a work is done when its name holds one of them. Empty for all.
        store: Store of a finished default run, for `floor`.
        wall: Seconds that this run took; None to take them from the store.
        fixtures: Globs of the run that `profile` looks at; None for the default run.

    """

    small: bool = False
    repetitions: int | None = None
    works: tuple[str, ...] = ()
    store: Path | None = None
    wall: float | None = None
    fixtures: str | None = None


class Benchmark(Protocol):
    """What a benchmark's module offers."""

    def rows(self, settings: Settings) -> list[Row]:
        """Measure, and return a row for each work."""
        ...


def module_name(name: str) -> str:
    """The module of a benchmark."""
    return f"{__package__}.{name.replace('-', '_')}"


def get_benchmark(name: str) -> Benchmark:
    """The benchmark of a name.

    Raises:
        KeyError: There is none; the message lists those that there are.

    """
    if name not in BENCHMARKS:
        raise KeyError(f"unknown benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
    return cast(Benchmark, importlib.import_module(module_name(name)))
