"""No edit at all: x' = x. What every table is read against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interpmark.methods.edits import IdentityEdit
from interpmark.methods.registry import register

if TYPE_CHECKING:
    from torch import Tensor


@register("identity", kind="eraser", claims={"idempotent", "affine", "mean-preserving", "orthogonal"}, control=True)
class Identity:
    """Leave the activations as they are."""

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> IdentityEdit:
        """Return the identity on activations of x's size, x `[n, d]`."""
        return IdentityEdit(x.shape[1])
