"""Whitening with tolerances that do not depend on anybody's units, and the subspaces that are found with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

RANK_TOLERANCE = 1e-10
"""Correlations and relative singular values below this are rounding, not data: float64 has 16 digits."""

_FULL_RANK = 1000  # times the eigenvalue that still counts: room for the estimate to be too large
_ITERATIONS = 4


class Whitening(ABC):
    """W with W Σ Wᵀ = I on the range of Σ, and its pseudo-inverse W⁺: `[r, d]` and `[d, r]`, r the rank of Σ.

    Every whitening is a rotation of every other, and what is computed from both W and W⁺ does not change under it.
    """

    @abstractmethod
    def whiten(self, columns: Tensor) -> Tensor:
        """W times columns `[d, k]`: `[r, k]`."""

    @abstractmethod
    def read(self, columns: Tensor) -> Tensor:
        """Wᵀ times columns `[r, k]`, `[d, k]`: the directions that read whitened coordinates off activations."""

    @abstractmethod
    def write(self, columns: Tensor) -> Tensor:
        """W⁺ times columns `[r, k]`, `[d, k]`: the directions that whitened coordinates stand for."""


@dataclass(frozen=True, eq=False)
class CholeskyWhitening(Whitening):
    """W = L⁻¹ D⁻¹ and W⁺ = D L, with L Lᵀ the correlations. For a Σ of full rank, at a tenth of the other's cost."""

    scale: Tensor  # [d], the diagonal of D
    factor: Tensor  # [d, d], L

    def whiten(self, columns: Tensor) -> Tensor:
        """L⁻¹ D⁻¹ columns."""
        whitened: Tensor = torch.linalg.solve_triangular(self.factor, columns / self.scale[:, None], upper=False)
        return whitened

    def read(self, columns: Tensor) -> Tensor:
        """D⁻¹ L⁻ᵀ columns."""
        turned: Tensor = torch.linalg.solve_triangular(self.factor.T, columns, upper=True)
        return turned / self.scale[:, None]

    def write(self, columns: Tensor) -> Tensor:
        """D L columns."""
        return self.scale[:, None] * (self.factor @ columns)


@dataclass(frozen=True, eq=False)
class SpectralWhitening(Whitening):
    """W = Λ^{-½} Vᵀ D⁻¹ and W⁺ = D V Λ^{½}, with V Λ Vᵀ the correlations on their range."""

    scale: Tensor  # [d]
    vectors: Tensor  # [d, r], V
    roots: Tensor  # [r], Λ^{½}

    def whiten(self, columns: Tensor) -> Tensor:
        """Λ^{-½} Vᵀ D⁻¹ columns."""
        return self.vectors.T @ (columns / self.scale[:, None]) / self.roots[:, None]

    def read(self, columns: Tensor) -> Tensor:
        """D⁻¹ V Λ^{-½} columns."""
        return self.vectors @ (columns / self.roots[:, None]) / self.scale[:, None]

    def write(self, columns: Tensor) -> Tensor:
        """D V Λ^{½} columns."""
        return self.scale[:, None] * (self.vectors @ (columns * self.roots[:, None]))


def whitening(covariance: Tensor, mean: Tensor) -> Whitening:
    """Return a whitening for Σ `[d, d]` float64, with D its features' standard deviations.

    Decomposing the correlations D⁻¹ΣD⁻¹ instead of the covariances keeps a feature of small variance next to one that
    is a thousand times larger, as residual streams have them: an eigenvalue cut-off relative to the largest variance
    would drop it, and what is dropped is not erased. The mean tells which features are constant: they vary by their
    rounding.
    """
    deviation = covariance.diagonal().clamp_min(0).sqrt()
    varies = varying(covariance, mean)
    scale = torch.where(varies, deviation, 1.0)  # [d]
    correlation = torch.where(torch.outer(varies, varies), covariance / torch.outer(scale, scale), 0.0)
    # rounding leaves eigenvalues of some ε instead of zero, and in few dimensions d ε is not "some"
    rounding = 4 * max(covariance.shape[0], 32) * torch.finfo(covariance.dtype).eps
    factor, failed = torch.linalg.cholesky_ex(correlation)
    if not int(failed) and _smallest_eigenvalue(factor) > _FULL_RANK * rounding * float(correlation.norm()):
        return CholeskyWhitening(scale, factor)
    eigenvalues, vectors = torch.linalg.eigh(correlation)
    kept = eigenvalues > max(float(eigenvalues[-1]), 0.0) * rounding
    return SpectralWhitening(scale, vectors[:, kept], eigenvalues[kept].sqrt())


def _smallest_eigenvalue(factor: Tensor) -> float:
    """Estimate the smallest eigenvalue of L Lᵀ from above, by inverse iteration on a few random vectors."""
    generator = torch.Generator().manual_seed(0)
    vectors = torch.randn(factor.shape[0], 4, dtype=factor.dtype, generator=generator).to(factor.device)
    for _ in range(_ITERATIONS):
        vectors = torch.cholesky_solve(torch.linalg.qr(vectors).Q, factor)
    return 1.0 / float(vectors.norm(dim=0).max())


def varying(covariance: Tensor, mean: Tensor) -> Tensor:
    """Return bool `[d]`: which features are not constant. A constant one may vary by its own rounding."""
    return covariance.diagonal().clamp_min(0).sqrt() > RANK_TOLERANCE * mean.abs()


def whitened_columns(cov_xz: Tensor, cov_zz: Tensor, mean_z: Tensor) -> Tensor:
    """Return Cov(x, z̃) `[d, r]` for whitened labels z̃, which has the column space of Cov(x, z).

    With whitened labels neither a label's unit nor a class's rarity matters; constant and redundant columns are gone.
    """
    return whitening(cov_zz, mean_z).whiten(cov_xz.T).T


def column_space(columns: Tensor, floor: float = 0.0) -> Tensor:
    """Return an orthonormal basis `[d, r]` of the columns' span, largest singular value first.

    Singular values count when they exceed `RANK_TOLERANCE` times the largest one or `floor`, whichever is more.
    """
    if 0 in columns.shape:
        return columns[:, :0]
    u, s, _ = torch.linalg.svd(columns, full_matrices=False)
    basis: Tensor = u[:, s > RANK_TOLERANCE * max(float(s[0]), floor)]
    return basis
