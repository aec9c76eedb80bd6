"""SAL, spectral attribute removal (Shao, Ziser and Cohen 2023, arXiv:2203.07893).

Cov(x, z) = U S Vᵀ and x' = x − U_r U_rᵀ (x − μ): the r directions that covary most with the labels are projected out.
With r the rank of Cov(x, z) nothing linear is left, and it is the orthogonal form of LEACE. Both x and z are centred:
without that the first direction is the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interpmark.methods.affine import AffineEdit
from interpmark.methods.errors import MethodError
from interpmark.methods.labels import label_matrix
from interpmark.methods.registry import register
from interpmark.methods.statistics import statistics
from interpmark.methods.whitening import column_space, varying

if TYPE_CHECKING:
    from torch import Tensor


@register(
    "sal",
    kind="eraser",
    claims={"guards-linearly", "idempotent", "affine", "mean-preserving", "orthogonal"},
    reference="arXiv:2203.07893",
)
@dataclass(frozen=True)
class Sal:
    """Project out the directions that covary most with the labels.

    Attributes:
        rank: How many directions, at most. None takes as many as Cov(x, z) has; more than that would remove
            directions that have nothing to do with the labels, so that many is also the limit.

    """

    rank: int | None = None

    def __post_init__(self) -> None:
        if self.rank is not None and self.rank < 1:
            raise MethodError(f"rank must be at least 1, or None, not {self.rank}")

    @property
    def claims(self) -> frozenset[str]:
        """What holds with this rank."""
        claims = frozenset({"idempotent", "affine", "mean-preserving", "orthogonal"})
        return claims | {"guards-linearly"} if self.rank is None else claims

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AffineEdit:
        """Fit on activations x `[n, d]` and labels z int64 `[n]` or float64 `[n, k]`."""
        moments = statistics(x, label_matrix(z).reshape(x.shape[0], -1))
        cross_covariance = moments.cov_xz[:, varying(moments.cov_zz, moments.mean_z)]  # [d, k]
        spread = float((moments.cov_xx.trace() * moments.cov_zz.trace()).sqrt())
        u = column_space(cross_covariance, floor=spread)[:, : self.rank]  # [d, r]
        return AffineEdit(u, u, center=moments.mean_x)
