"""The smallest edit that any affine guard can make: LEACE's closed form, the yardstick of `edit_excess`.

    x' = x - C (Cᵀ S⁺ C)⁺ Cᵀ S⁺ (x - μ),   S = Cov(x), C = Cov(x, z)

(Belrose et al. 2023, arXiv:2306.03819, theorem 4.2, with the whitening roots multiplied out.) It is written out here
and not taken from a method, because a yardstick must not change with what it measures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from interpmark.suite.ground import Split

from .inputs import label_matrix, require_split
from .threads import one_thread

RANK_TOLERANCE = 1e-10
"""Relative singular value below which a label direction is redundant; labels are scaled to unit variance first."""


@dataclass(frozen=True, eq=False)
class SmallestGuard:
    """The guard's factors, `x' = x - ((x - center) @ read) @ write.T`.

    Attributes:
        read: `[d, k]` float64.
        write: `[d, k]` float64.
        center: `[d]` float64, the fit rows' mean.

    """

    read: torch.Tensor
    write: torch.Tensor
    center: torch.Tensor

    def squared_sizes(self, x: torch.Tensor) -> torch.Tensor:
        """|x' - x|² of rows `[n, d]`: `[n]` float64."""
        return (((x.to(torch.float64) - self.center) @ self.read) @ self.write.T).square().sum(dim=1)


@one_thread()
def smallest_guard(fit: Split) -> SmallestGuard:
    """Compute the guard from the moments of the unedited `fit` split, in float64. It costs one eigendecomposition."""
    require_split("fit", fit)
    x, z = fit.x.to(torch.float64), label_matrix(fit.z)
    center = x.mean(dim=0)
    x, z = x - center, z - z.mean(dim=0)
    scale = z.square().mean(dim=0).sqrt()
    z = z[:, scale > 0] / scale[scale > 0]  # a rare class counts like a common one
    cross = x.T @ z / len(x)  # [d, k]
    values, vectors = torch.linalg.eigh(x.T @ x / len(x))
    kept = values > values[-1] * len(values) * torch.finfo(values.dtype).eps
    roots, vectors = values[kept].sqrt(), vectors[:, kept]  # [r], [d, r]
    whitened = (vectors.T @ cross) / roots[:, None]  # [r, k]
    left, strengths, _ = torch.linalg.svd(whitened, full_matrices=False)
    left = left[:, strengths > RANK_TOLERANCE * strengths.max()] if strengths.numel() else left  # [r, rank]
    return SmallestGuard((vectors / roots) @ left, (vectors * roots) @ left, center)
