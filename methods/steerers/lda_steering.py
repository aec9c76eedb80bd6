"""Steering along the direction that tells the classes apart best: linear discriminant analysis (Fisher 1936).

w = Σ_W⁻¹ (μ₁ − μ₀), Σ_W the covariance within classes, shrunk. x' = x + strength · ‖μ₁ − μ₀‖ ŵ, as long as CAA's
vector: the means' distance along ŵ is a small part of that wherever a few quiet features tell the classes apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.added_vectors import AddedVector
from interpmark.methods.classes import class_means, unit
from interpmark.methods.registry import register
from interpmark.methods.shrinkage import shrink

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_FISHER = "doi:10.1111/j.1469-1809.1936.tb02137.x"


@register("lda-steering", kind="steerer", claims={"affine"}, reference=_FISHER, supports={"binary"})
class LdaSteering:
    """Add the discriminant direction of a shrunk covariance."""

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AddedVector:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`, 0 and 1."""
        x = x.to(torch.float64)
        means = class_means(x, z)
        within = x - torch.stack(means)[z]  # [n, d]
        covariance = shrink(within.T @ within / len(x), len(x))
        w = unit(torch.linalg.pinv(covariance, hermitian=True) @ means.difference)
        return AddedVector(means.difference.norm() * w)
