"""Contrastive activation addition, CAA (Rimsky et al. 2024, arXiv:2312.06681).

x' = x + strength · (μ₁ − μ₀), the difference of the class means as it is. Over contrast pairs the mean difference of
pairs is the difference of means. Strength 1 is the distance of the class means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.added_vectors import AddedVector
from interpmark.methods.classes import class_means
from interpmark.methods.registry import register
from interpmark.methods.steering import check_scope

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register("caa", kind="steerer", claims={"affine"}, reference="arXiv:2312.06681", supports={"binary"})
@dataclass(frozen=True)
class Caa:
    """Add the difference of the class means.

    Attributes:
        scope: Which positions to add it at: all, prefill, last or after-instruction (the paper's).

    """

    scope: str = "all"

    def __post_init__(self) -> None:
        check_scope(self.scope)

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AddedVector:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`, 0 and 1."""
        return AddedVector(class_means(x.to(torch.float64), z).difference, scope=self.scope)
