"""Mean-centring (Jorgensen et al. 2023, arXiv:2312.03813).

x' = x + strength · (μ_target − μ), the mean of the target class less the mean of all activations. With two classes this
is the direction of CAA, shorter by the other class's share; the method differs where no opposite class is at hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.added_vectors import AddedVector
from interpmark.methods.classes import class_means
from interpmark.methods.registry import register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register("mean-centring", kind="steerer", claims={"affine"}, reference="arXiv:2312.03813", supports={"binary"})
class MeanCentring:
    """Add the mean of class 1 less the mean of all."""

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AddedVector:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`, 0 and 1."""
        x = x.to(torch.float64)
        return AddedVector(class_means(x, z).one - x.mean(0))
