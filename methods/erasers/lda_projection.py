"""LDA projection: the discriminant directions are projected out.

x' = x − V Vᵀ (x − μ), V an orthonormal basis of Σ⁺ Cov(x, z). With two classes that is Σ⁻¹δ, the direction that linear
discriminant analysis reads (Fisher 1936; the within-class and the total covariance give the same span); with k classes
it spans the k − 1 discriminants, and with real labels the weights of their least-squares regression on x.

It removes what the best linear readout looks at and not what the classes differ in, so the difference of means stays
visible in the directions that x correlates with: no guard. LEACE reads along the same directions and writes along δ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.labels import label_matrix
from interpmark.methods.registry import register
from interpmark.methods.shrinkage import shrink
from interpmark.methods.statistics import Statistics, statistics
from interpmark.methods.whitening import column_space, varying, whitened_columns

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register(
    "lda-projection",
    kind="eraser",
    claims={"idempotent", "affine", "mean-preserving", "orthogonal"},
    reference="doi:10.1111/j.1469-1809.1936.tb02137.x",
)
@dataclass(frozen=True)
class LdaProjection:
    """Project out the discriminant directions.

    Attributes:
        shrinkage: Shrink Σ towards a multiple of the identity, for data with few rows.

    """

    shrinkage: bool = False

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AffineEdit:
        """Fit on activations x `[n, d]` and labels z int64 `[n]` or float64 `[n, k]`."""
        moments = statistics(x, label_matrix(z).reshape(x.shape[0], -1))
        sigma = shrink(moments.cov_xx, moments.n) if self.shrinkage else moments.cov_xx
        basis = _discriminants(moments, sigma)
        return AffineEdit(basis, basis, center=moments.mean_x)


def _discriminants(moments: Statistics, sigma: Tensor) -> Tensor:
    """Return an orthonormal basis `[d, r]` of Σ⁺ Cov(x, z)."""
    varies = varying(moments.cov_xx, moments.mean_x)
    scale = torch.where(varies, sigma.diagonal().sqrt(), 1.0)[:, None]  # [d, 1]
    correlation = torch.where(torch.outer(varies, varies), sigma / scale / scale.T, 0.0)
    cross = whitened_columns(moments.cov_xz, moments.cov_zz, moments.mean_z) / scale  # [d, r]
    cross = torch.where(varies[:, None], cross, 0.0)
    # Without labels that covary, there is no direction: the length of a correlation has no unit.
    cross = column_space(cross, floor=float(moments.cov_xx.shape[0]) ** 0.5)
    rounding = 4 * max(len(sigma), 32) * torch.finfo(sigma.dtype).eps
    inverse = torch.linalg.pinv(correlation, rtol=rounding, hermitian=True)
    weights = inverse @ cross / scale
    lengths = weights.norm(dim=0).clamp_min(torch.finfo(weights.dtype).tiny)
    return column_space(weights / lengths)
