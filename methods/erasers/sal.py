"""SAL, spectral attribute removal (Shao, Ziser and Cohen 2023, arXiv:2203.07893), and its kernel form.

Cov(x, z) = U S Vᵀ and x' = x − U_r U_rᵀ (x − μ): the r directions that covary most with the labels are projected out.
With r the rank of Cov(x, z) nothing linear is left, and it is the orthogonal form of LEACE. Both x and z are centred:
without that the first direction is the mean.

kSAL does this to the features φ(x) of a kernel, through the Gram matrix K of the centred features: with z̃ the whitened
labels, z̃ᵀ K z̃ / n² = V S² Vᵀ, and u(x) = S⁻¹ Vᵀ z̃ᵀ k(x) / n are the coordinates of φ(x) along the r directions that
covary most with the labels. The paper stops in the space of the features, φ − U u; an edit has to come back. Where an
activation is a linear function L of its features, as it is of a polynomial kernel's, the erased features stand for the
activation L (φ − U u), and L U = Cov(x, z̃) V S⁻¹ needs neither L nor φ:

x' = x − Cov(x, z̃) V_r S_r⁻¹ u(x)

The same formula serves the radial kernel, whose features approach every function of x. With k(x, y) = x·y it is SAL.
It is neither affine nor a projection, and taking all directions it leaves no linear predictor on the fit data. What it
does not do: it moves activations only along Cov(x, z), so a concept that no linear predictor sees stays as it is, and
it guards x' and not φ(x'), the features of the edited activation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.edits import Edit, IdentityEdit
from interpmark.methods.errors import MethodError
from interpmark.methods.kernel_edit import KernelEdit, kernel
from interpmark.methods.labels import label_matrix
from interpmark.methods.registry import register
from interpmark.methods.statistics import Statistics, statistics
from interpmark.methods.whitening import RANK_TOLERANCE, column_space, varying, whitened_columns

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_DEGREES = {"rbf": 0, "poly": 2}


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
        kernel: None for directions of the activations; `rbf`, or `poly` (of degree 2), for those of their features. The
            unit of length is the root mean square distance from the mean. The edit then keeps the fit rows.

    """

    rank: int | None = None
    kernel: Literal["rbf", "poly"] | None = None

    def __post_init__(self) -> None:
        if self.rank is not None and self.rank < 1:
            raise MethodError(f"rank must be at least 1, or None, not {self.rank}")
        if self.kernel is not None and self.kernel not in _DEGREES:
            raise MethodError(f"kernel must be None, 'rbf' or 'poly', not {self.kernel!r}")

    @property
    def claims(self) -> frozenset[str]:
        """What holds with this rank and this kernel."""
        claims = {"mean-preserving"}
        if self.rank is None:
            claims.add("guards-linearly")
        if self.kernel is None:
            claims |= {"idempotent", "affine", "orthogonal"}
        return frozenset(claims)

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        """Fit on activations x `[n, d]` and labels z int64 `[n]` or float64 `[n, k]`."""
        labels = label_matrix(z).reshape(x.shape[0], -1)  # [n, k]
        moments = statistics(x, labels)
        if self.kernel is not None:
            return self._fit_kernel(x.to(torch.float64), labels, moments, _DEGREES[self.kernel])
        cross_covariance = moments.cov_xz[:, varying(moments.cov_zz, moments.mean_z)]  # [d, k]
        spread = float((moments.cov_xx.trace() * moments.cov_zz.trace()).sqrt())
        u = column_space(cross_covariance, floor=spread)[:, : self.rank]  # [d, r]
        return AffineEdit(u, u, center=moments.mean_x)

    def _fit_kernel(self, x: Tensor, labels: Tensor, moments: Statistics, degree: int) -> Edit:
        n, length = len(x), moments.cov_xx.trace().sqrt()
        # W of the labels' whitening, as columns: whitened labels are (z − z̄) W.
        whitening = whitened_columns(torch.eye(labels.shape[1]).to(labels), moments.cov_zz, moments.mean_z)
        if not bool(length > 0) or whitening.shape[1] == 0:
            return IdentityEdit(x.shape[1])
        z = (labels - moments.mean_z) @ whitening  # [n, k]
        scaled = (x - moments.mean_x) / length
        # A part of the Gram matrix at a time: [n, k]
        parts = [kernel(scaled[start : start + 1024], scaled, degree) @ z for start in range(0, n, 1024)]
        similar = torch.cat(parts) / n
        squares, v = torch.linalg.eigh(z.T @ similar / n)  # S², smallest first
        keep = squares > RANK_TOLERANCE * squares[-1].clamp_min(0)
        s, v = squares[keep].sqrt().flip(0)[: self.rank], v[:, keep].flip(1)[:, : self.rank]
        dual = z @ v / s / n  # [n, r]
        write = moments.cov_xz @ whitening @ v / s  # [d, r]
        return KernelEdit(x, dual, similar.mean(0) @ v / s, write, moments.mean_x, length[None], degree)
