"""Affine concept editing, ACE (Marshall, Scherlis and Belrose 2024, arXiv:2411.09003).

x' = x − (x·r̂) r̂ + (μ₀·r̂) r̂ + strength · r with r = μ₁ − μ₀ and r̂ = r / ‖r‖. Whatever x held along r, strength 0 puts it
where class 0 is on average and strength 1 where class 1 is. Directional ablation is the case μ₀·r̂ = 0, strength 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.classes import class_means
from interpmark.methods.registry import register
from interpmark.methods.set_coordinates import SetCoordinate

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register(
    "ace",
    kind="steerer",
    claims={"affine", "idempotent", "guards-linearly"},
    reference="arXiv:2411.09003",
    supports={"binary"},
)
class Ace:
    """Set the coordinate along the difference of the class means."""

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> SetCoordinate:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`, 0 and 1."""
        means = class_means(x.to(torch.float64), z)
        return SetCoordinate(means.difference, means.zero)
