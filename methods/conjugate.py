"""Conjugate gradients for the columns of a matrix, each a system of its own, in products that all share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import lazy_loader

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


class Solved(NamedTuple):
    """Columns `[d, k]` as near the solutions as was asked, and how many products with the matrix that took."""

    columns: Tensor
    products: int


def solve_columns(
    matrix: Callable[[Tensor], Tensor],
    target: Tensor,
    precondition: Callable[[Tensor], Tensor],
    tolerance: Tensor | float,
    max_products: int = 200,
) -> Solved:
    """Solve matrix(columns) = target, stopping each column at a relative residual.

    Args:
        matrix: A symmetric positive semi-definite map of each column of `[d, k]`, which may differ between columns.
        target: `[d, k]`, in the map's range.
        precondition: A positive definite map of each column that is near the inverse of the first.
        tolerance: Largest norm of a column's residual, relative to its target's: a number, or `[k]`.
        max_products: Products with the matrix at most.

    """
    # Each column in units of its target's largest entry: the squares of small ones would be nothing in float32.
    unit = target.abs().amax(dim=0)  # [k]
    unit = torch.where(unit > 0, unit, 1.0)
    solution, residual = torch.zeros_like(target), target / unit
    enough = tolerance * residual.norm(dim=0)  # [k]
    direction, energy = torch.zeros_like(target), torch.ones_like(enough)
    least = torch.finfo(target.dtype).tiny
    for products in range(max_products):
        going = residual.norm(dim=0) > enough
        if not bool(going.any()):
            return Solved(solution * unit, products)
        scaled = precondition(residual)
        energy, previous = (residual * scaled).sum(0), energy
        direction = scaled + energy / previous.clamp_min(least) * direction
        image = matrix(direction)
        curvature = (direction * image).sum(0)
        # Without curvature the rest of the target is outside the range, by rounding.
        size = torch.where(going & (curvature > 0), energy / curvature.clamp_min(least), 0.0)
        solution = solution + size * direction
        residual = residual - size * image
    return Solved(solution * unit, max_products)
