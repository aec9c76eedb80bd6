"""LEACE fit, n = 2 d rows of two classes, against concept-erasure's LeaceFitter.

The peer runs without shrinkage and without its trace constraint: both compute the same eraser, and the peer does the
least. Both are given float64; in the rows marked float32, its users' usual input, the peer computes in float32 and ours
in float64 as always.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .measuring import measure
from .registry import Settings
from .rows import Row
from .spans import relative_difference
from .works import Side, Work

if TYPE_CHECKING:
    from .works import Arrays

SIZES = (576, 2048, 4096)
SEEN = 64
"""Rows whose edits are compared."""


def rows(settings: Settings) -> list[Row]:
    """Measure."""
    return measure(__name__, works(settings.small), settings)


def works(small: bool) -> list[Work]:
    """A work for each d and each dtype that the input has."""
    sizes = (32,) if small else SIZES
    dtypes = ("float64",) if small else ("float64", "float32")
    return [
        Work(
            f"leace-fit d={d} n={2 * d} {dtype}",
            "concept-erasure LeaceFitter",
            Side(_prepare, _ours, _edited),
            Side(_prepare, _theirs, _edited),
            _agreement,
            partial(_write, d, dtype),
            repetitions=2 if small or d >= 4096 else 5,
        )
        for dtype in dtypes
        for d in sizes
    ]


def _write(d: int, dtype: str, folder: Path) -> None:
    """Rows whose spectrum falls by two orders of magnitude, as residual streams' do."""
    import numpy as np

    rng = np.random.default_rng(0)
    z = np.arange(2 * d) % 2
    x = rng.normal(size=(2 * d, d)) * np.logspace(1, -1, d)
    x[:, 0] += 3 * z
    x = x @ np.linalg.qr(rng.normal(size=(d, d)))[0] + 2.0
    np.savez(folder / "rows.npz", x=x.astype(dtype), z=z.astype(np.int64))


def _prepare(folder: Path) -> Any:
    import numpy as np
    import torch

    with np.load(folder / "rows.npz") as kept:
        x, z = torch.from_numpy(kept["x"]), torch.from_numpy(kept["z"])
    # The libraries' own first calls, on both sides.
    for fit in (_ours, _theirs):
        fit((x[:64, :16].contiguous(), z[:64]))
    return x, z


def _ours(ready: Any) -> Any:
    from interpmark.methods import get_method

    x, z = ready
    return get_method("leace").build().fit(x, z, seed=0)


def _theirs(ready: Any) -> Any:
    from concept_erasure import LeaceFitter

    x, z = ready
    return LeaceFitter.fit(x, z.to(x.dtype), shrinkage=False, constrain_cov_trace=False).eraser


def _edited(ready: Any, eraser: Any) -> Arrays:
    x = ready[0][:SEEN]
    return {"edited": eraser(x).numpy()}


def _agreement(ours: Arrays, theirs: Arrays) -> str:
    return f"edited rows differ by {relative_difference(ours['edited'], theirs['edited']):.0e} of their norm"
