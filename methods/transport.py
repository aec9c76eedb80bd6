"""Optimal transport between Gaussians: the map that turns one covariance into another, and their barycentre.

T = A^{-½} (A^{½} B A^{½})^{½} A^{-½} is the symmetric positive semi-definite map with T A T = B; of all maps between
Gaussians with these covariances it moves the least. The barycentre B* of covariances A_c with weights w_c is the
fixed point of B ← T̄ B T̄, T̄ = Σ w_c T(B → A_c) (Álvarez-Esteban et al. 2016); from A₁ on two matrices are there after
one step, which is the closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_ITERATIONS = 100
_TOLERANCE = 1e-9  # of a step, relative to the barycentre; the maps are less exact where that is ill-conditioned


def transport(source: Tensor, target: Tensor) -> Tensor:
    """Return the symmetric T `[d, d]` with T source T = target, both positive semi-definite.

    Outside the range of the source T is zero, so that there the equation holds only as far as the ranges agree.
    """
    return _transport(*_roots(source), _roots(target)[0])


def barycentre(covariances: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """Return the Gaussian barycentre's covariance `[d, d]`: of least mean squared transport from the given ones.

    Args:
        covariances: Each `[d, d]`, positive semi-definite.
        weights: One each, with sum 1.

    """
    mean = covariances[max(range(len(weights)), key=lambda c: weights[c])]
    targets = [_roots(c)[0] for c in covariances]
    for _ in range(_ITERATIONS):
        roots = _roots(mean)
        maps = [w * _transport(*roots, target) for w, target in zip(weights, targets, strict=True)]
        step = torch.stack(maps).sum(0)
        new = step @ mean @ step
        new = (new + new.T) / 2
        done = bool((new - mean).norm() <= _TOLERANCE * new.norm())
        mean = new
        if done:
            break
    return mean


def _transport(root: Tensor, inverse: Tensor, target: Tensor) -> Tensor:
    """Return the map from a covariance with a root and its inverse to the one with the root `target`."""
    # The root of (A^{½} B A^{½}) = YᵀY by the singular values of Y: squaring would lose half of the digits.
    _, s, right = torch.linalg.svd(target @ root)
    half = inverse @ right.T  # [d, d]
    carried: Tensor = (half * s) @ half.T
    return carried


def _roots(covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Return A^{½} and A^{-½}, the latter on the range of A."""
    values, vectors = torch.linalg.eigh(covariance)
    rounding = 4 * max(covariance.shape[0], 32) * torch.finfo(values.dtype).eps
    keep = values > max(float(values[-1]), 0.0) * rounding
    values, vectors = values[keep], vectors[:, keep]
    return (vectors * values.sqrt()) @ vectors.T, (vectors * values.rsqrt()) @ vectors.T
