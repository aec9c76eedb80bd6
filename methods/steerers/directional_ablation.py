"""Directional ablation (Arditi et al. 2024, arXiv:2406.11717).

x' = x − strength · (x·r̂) r̂ with r̂ = (μ₁ − μ₀) / ‖μ₁ − μ₀‖. At strength 1 nothing is left along r̂. The origin stays, as
in the paper: where the mean lies off it, ablation moves both classes to a place where neither was, which ACE mends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.classes import class_means
from interpmark.methods.registry import register
from interpmark.methods.steering import PartialEdit

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register("directional-ablation", kind="steerer", claims={"affine"}, reference="arXiv:2406.11717", supports={"binary"})
class DirectionalAblation:
    """Remove what lies along the difference of the class means."""

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> PartialEdit:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`, 0 and 1."""
        return PartialEdit(AffineEdit.projection(class_means(x.to(torch.float64), z).difference))
