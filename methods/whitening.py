"""Whitening with tolerances that do not depend on anybody's units, and the subspaces that are found with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import lazy_loader

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

RANK_TOLERANCE = 1e-10
"""Correlations and relative singular values below this are rounding, not data: float64 has 16 digits."""


class Whitening(NamedTuple):
    """W and W⁺ with W Σ Wᵀ = I on the range of Σ; both `[r, d]` and `[d, r]`, r the rank of Σ."""

    forward: Tensor
    inverse: Tensor


def whitening(covariance: Tensor, mean: Tensor) -> Whitening:
    """Return W = Λ^{-½} Vᵀ D⁻¹ and W⁺ = D V Λ^{½} where D holds the standard deviations and VΛVᵀ = D⁻¹ΣD⁻¹.

    Every whitening is a rotation of every other, and what is computed with W and W⁺ here does not change under it.
    Decomposing the correlations instead of the covariances keeps a feature of small variance next to one that is a
    thousand times larger, as residual streams have them: an eigenvalue cut-off relative to the largest variance would
    drop it, and what is dropped is not erased. The mean tells which features are constant: they vary by their rounding.
    """
    d = covariance.shape[0]
    deviation = covariance.diagonal().clamp_min(0).sqrt()
    varies = varying(covariance, mean)
    scale = torch.where(varies, deviation, 1.0)  # [d]
    correlation = torch.where(torch.outer(varies, varies), covariance / torch.outer(scale, scale), 0.0)
    eigenvalues, eigenvectors = torch.linalg.eigh(correlation)
    # rounding leaves eigenvalues of some ε instead of zero, and in few dimensions d ε is not "some"
    rounding = 4 * max(d, 32) * torch.finfo(eigenvalues.dtype).eps
    keep = eigenvalues > max(float(eigenvalues[-1]), 0.0) * rounding
    root, v = eigenvalues[keep].sqrt(), eigenvectors[:, keep]  # [r], [d, r]
    return Whitening((v / scale[:, None] / root).T, v * scale[:, None] * root)


def varying(covariance: Tensor, mean: Tensor) -> Tensor:
    """Return bool `[d]`: which features are not constant. A constant one may vary by its own rounding."""
    return covariance.diagonal().clamp_min(0).sqrt() > RANK_TOLERANCE * mean.abs()


def whitened_columns(cov_xz: Tensor, cov_zz: Tensor, mean_z: Tensor) -> Tensor:
    """Return Cov(x, z̃) `[d, r]` for whitened labels z̃, which has the column space of Cov(x, z).

    With whitened labels neither a label's unit nor a class's rarity matters; constant and redundant columns are gone.
    """
    return cov_xz @ whitening(cov_zz, mean_z).forward.T


def column_space(columns: Tensor, floor: float = 0.0) -> Tensor:
    """Return an orthonormal basis `[d, r]` of the columns' span, largest singular value first.

    Singular values count when they exceed `RANK_TOLERANCE` times the largest one or `floor`, whichever is more.
    """
    if 0 in columns.shape:
        return columns[:, :0]
    u, s, _ = torch.linalg.svd(columns, full_matrices=False)
    basis: Tensor = u[:, s > RANK_TOLERANCE * max(float(s[0]), floor)]
    return basis
