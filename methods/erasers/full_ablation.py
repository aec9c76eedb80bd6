"""Full ablation: every activation becomes the mean, x' = μ. Nothing is left, of the concept or of anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.edits import ConstantEdit
from interpmark.methods.registry import register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register(
    "full-ablation",
    kind="eraser",
    claims={"guards-linearly", "idempotent", "affine", "mean-preserving", "orthogonal"},
    control=True,
)
class FullAblation:
    """Replace every activation by the mean."""

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> ConstantEdit:
        """Fit on activations x `[n, d]`; labels do not matter."""
        return ConstantEdit(x.to(torch.float64).mean(0))
