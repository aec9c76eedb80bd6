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

from interpmark.methods.affine import AffineEdit
from interpmark.methods.erasers.leace import leace
from interpmark.methods.labels import label_matrix
from interpmark.methods.registry import register
from interpmark.methods.statistics import statistics
from interpmark.methods.whitening import column_space

if TYPE_CHECKING:
    from torch import Tensor


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
        read = leace(moments, shrinkage=self.shrinkage).read  # [d, r], which spans Σ⁺ Cov(x, z)
        basis = column_space(read / read.norm(dim=0))
        return AffineEdit(basis, basis, center=moments.mean_x)
