"""Comparing the subspaces and the edits that two sides found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def largest_sine(first: NDArray[Any], second: NDArray[Any]) -> float:
    """Sine of the largest principal angle between the column spaces of two `[d, r]` matrices; 1 if ranks differ."""
    import numpy as np

    a, b = (np.linalg.qr(np.asarray(columns, dtype=np.float64))[0] for columns in (first, second))
    if a.shape != b.shape:
        return 1.0
    # The part of one that lies outside the other: exact where the angle is small, as the cosine is not.
    return float(np.linalg.norm(a - b @ (b.T @ a), 2))


def relative_difference(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """Frobenius norm of the difference over that of theirs."""
    import numpy as np

    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
