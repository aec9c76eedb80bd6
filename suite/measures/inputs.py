"""What measures are given: checked at the door, so that a NaN is an error with a name and never a score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch

from interpmark.suite.ground import Split

EditedSplits = Mapping[str, Split]
"""`fit`, `probe`, `test` and perhaps `transfer`, after an edit (or before it: the unedited reference)."""

CHUNK_BYTES = 2 * 2**20
"""So much stays in the processor's cache: a third faster than ten times as much."""


def require_finite(what: str, values: torch.Tensor) -> None:
    """Raise a ValueError that names `what` when a value is NaN or infinite."""
    # A sum is finite only when all its terms are, and takes a tenth of the time; finite terms may still overflow it.
    if bool(torch.isfinite(values.sum())):
        return
    bad = int((~torch.isfinite(values)).sum())
    if bad:
        raise ValueError(f"{what}: {bad} of {values.numel()} values are NaN or infinite; measures need finite numbers")


def require_split(name: str, split: Split) -> None:
    """Raise a ValueError when a split's lengths differ, it is empty, or a number in it is not finite."""
    n = len(split.groups)
    if split.x.ndim != 2 or split.x.shape[0] != n or split.z.shape[0] != n:
        shapes = f"x {tuple(split.x.shape)}, z {tuple(split.z.shape)}, groups [{n}]"
        raise ValueError(f"split {name!r}: expected x [n, d], z [n] or [n, k] and groups [n], got {shapes}")
    if n == 0:
        raise ValueError(f"split {name!r} has no rows")
    require_finite(f"activations of split {name!r}", split.x)
    if is_continuous(split.z):
        require_finite(f"labels of split {name!r}", split.z)


def require_splits(splits: EditedSplits, names: tuple[str, ...] = ("fit", "probe", "test")) -> None:
    """Raise a ValueError when one of the named splits is missing or any split is malformed."""
    missing = [name for name in names if name not in splits]
    if missing:
        raise ValueError(f"missing split {missing[0]!r}; given: {', '.join(splits) or 'none'}")
    for name, split in splits.items():
        require_split(name, split)


def is_continuous(z: torch.Tensor) -> bool:
    """Whether labels are values, `[n]` or `[n, k]` floating point, and not class indices."""
    return z.is_floating_point()


def label_matrix(z: torch.Tensor) -> torch.Tensor:
    """Labels as columns, `[n, k]` float64: values as they are, classes one-hot over those that occur in `z`."""
    if is_continuous(z):
        return z.to(torch.float64).reshape(len(z), -1)
    classes: torch.Tensor = torch.unique(z)
    return (z[:, None] == classes).to(torch.float64)


def join(first: Split, second: Split) -> Split:
    """Rows of both splits. Entities are one namespace over the splits of a concept."""
    return Split(
        torch.cat([first.x, second.x]), torch.cat([first.z, second.z]), np.concatenate([first.groups, second.groups])
    )


def row_chunks(n: int, bytes_per_row: int) -> Iterator[slice]:
    """Slices that cover n rows, each of about `CHUNK_BYTES`."""
    step = max(1, CHUNK_BYTES // max(1, bytes_per_row))
    for start in range(0, n, step):
        yield slice(start, min(n, start + step))


def numbers(values: torch.Tensor) -> npt.NDArray[np.float64]:
    """A tensor as a float64 array on the CPU, for the intervals and the scorecard."""
    array: npt.NDArray[np.float64] = values.detach().to("cpu", torch.float64).numpy()
    return array
