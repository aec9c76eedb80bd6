"""LEACE, least-squares concept erasure (Belrose et al. 2023, arXiv:2306.03819).

x' = x − W⁺ U Uᵀ W (x − μ), W a whitening of Σ = Cov(x) and U the left singular vectors of W Cov(x, z). Of all affine
maps after which no linear predictor of z beats a constant, it has the smallest mean squared edit. With two classes it
reads along the LDA direction Σ⁻¹δ and writes along the difference of means δ.

`method='orth'` takes W = I: the orthogonal projection off the column space of Cov(x, z), which guards but moves more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from interpmark.methods.affine import AffineEdit
from interpmark.methods.labels import label_matrix
from interpmark.methods.registry import register
from interpmark.methods.shrinkage import shrink
from interpmark.methods.statistics import Statistics, StreamingStatistics, statistics
from interpmark.methods.whitening import column_space, whitened_columns, whitening

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ErasureMethod = Literal["leace", "orth"]


class LeaceFitter:
    """Gathers statistics batch by batch and gives the frozen eraser that they lead to.

    Args:
        d: Size of the activations.
        k: Number of label columns; for classes, their number.
        method: 'leace' for the smallest edit, 'orth' for an orthogonal projection.
        affine: Keep the mean where it was. Without it the edit is linear and moves the mean.
        shrinkage: Shrink Σ towards a multiple of the identity: no longer minimal on the fit data, but guarded all the
            same, and tamer on other data.
        device: Where the statistics are kept: (d + k)² float64.

    """

    def __init__(
        self,
        d: int,
        k: int,
        *,
        method: ErasureMethod = "leace",
        affine: bool = True,
        shrinkage: bool = False,
        device: torch.device | str | None = None,
    ) -> None:
        self.method = method
        self.affine = affine
        self.shrinkage = shrinkage
        self._k = k
        self._stream = StreamingStatistics(d, k, device)
        self._eraser: AffineEdit | None = None

    def update(self, x: Tensor, z: Tensor) -> LeaceFitter:
        """Add a batch of activations x `[m, d]` and labels z, int64 `[m]` or float `[m, k]`."""
        self._eraser = None
        self._stream.update(x, label_matrix(z, classes=self._k))
        return self

    @property
    def eraser(self) -> AffineEdit:
        """The eraser for all rows so far: kept until the next `update`."""
        if self._eraser is None:
            self._eraser = leace(
                self._stream.statistics, method=self.method, affine=self.affine, shrinkage=self.shrinkage
            )
        return self._eraser


def leace(
    moments: Statistics, *, method: ErasureMethod = "leace", affine: bool = True, shrinkage: bool = False
) -> AffineEdit:
    """Return the eraser for given statistics; the identity, of rank 0, when z is constant or uncorrelated with x."""
    # [d, r], the column space of Cov(x, z)
    cross = whitened_columns(moments.cov_xz, moments.cov_zz, moments.mean_z)
    center = moments.mean_x if affine else None
    if method == "orth":
        basis = column_space(cross, floor=float(moments.cov_xx.trace().sqrt()))
        return AffineEdit(basis, basis, center)
    sigma = shrink(moments.cov_xx, moments.n) if shrinkage else moments.cov_xx
    w = whitening(sigma, moments.mean_x)
    # W Cov(x, z̃) holds canonical correlations: "none" is a number without a unit
    u = column_space(w.whiten(cross), floor=1.0)  # [rank of Σ, r]
    return AffineEdit(w.read(u), w.write(u), center)


@register(
    "leace",
    kind="eraser",
    claims={"guards-linearly", "idempotent", "affine", "mean-preserving", "minimal-edit"},
    reference="arXiv:2306.03819",
)
@dataclass(frozen=True)
class Leace:
    """Erase with the smallest affine edit that leaves no linear information."""

    method: ErasureMethod = "leace"
    affine: bool = True
    shrinkage: bool = False

    @property
    def claims(self) -> frozenset[str]:
        """What holds with these parameters."""
        claims = {"guards-linearly", "idempotent", "affine"}
        if self.affine:
            claims.add("mean-preserving")
        if self.method == "orth":
            claims.add("orthogonal")
        elif self.affine and not self.shrinkage:
            claims.add("minimal-edit")
        return frozenset(claims)

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AffineEdit:
        """Fit on activations x `[n, d]` and labels z int64 `[n]` or float64 `[n, k]`."""
        labels = label_matrix(z).reshape(x.shape[0], -1)  # [n, k]
        return leace(statistics(x, labels), method=self.method, affine=self.affine, shrinkage=self.shrinkage)
