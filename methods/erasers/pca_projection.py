"""PCA projection: the leading principal components of the activations are projected out, whatever the labels are.

x' = x − V Vᵀ (x − μ), V the eigenvectors of Cov(x) with the largest eigenvalues (Pearson 1901). The unsupervised
baseline: it finds the concept only where the concept is what the activations vary most in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.errors import MethodError
from interpmark.methods.registry import register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register(
    "pca-projection",
    kind="eraser",
    claims={"idempotent", "affine", "mean-preserving", "orthogonal"},
    reference="doi:10.1080/14786440109462720",
)
@dataclass(frozen=True)
class PcaProjection:
    """Project out the leading principal components.

    Attributes:
        rank: How many, at most: no more than the activations vary in.

    """

    rank: int = 1

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise MethodError(f"rank must be at least 1, not {self.rank}")

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AffineEdit:
        """Fit on activations x `[n, d]`; labels do not matter."""
        x = x.to(torch.float64)
        mean = x.mean(0)
        variances, axes = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))
        rounding = 4 * max(x.shape[1], 32) * torch.finfo(x.dtype).eps
        basis = axes[:, variances > variances[-1].clamp_min(0) * rounding][:, -self.rank :]
        return AffineEdit(basis, basis, center=mean)
