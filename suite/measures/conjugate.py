"""Conjugate gradients for matrix-valued unknowns, with a diagonal preconditioner."""

from __future__ import annotations

from collections.abc import Callable

import torch


def solve(
    matrix: Callable[[torch.Tensor], torch.Tensor],
    target: torch.Tensor,
    inverse_diagonal: torch.Tensor,
    tolerance: float,
    max_steps: int = 200,
) -> torch.Tensor:
    """Solve matrix(solution) = target, stopping at a relative residual or after `max_steps`.

    Args:
        matrix: A symmetric positive semi-definite map of `[r, c]` to itself.
        target: `[r, c]`, in the map's range.
        inverse_diagonal: `[r, 1]`, positive: one over an approximation of the map's diagonal.
        tolerance: Largest norm of the residual, relative to the target's.
        max_steps: Applications of the map.

    """
    solution = torch.zeros_like(target)
    residual = target
    enough = tolerance * float(target.norm())
    direction = torch.zeros_like(target)
    energy = 1.0
    for _ in range(max_steps):
        if float(residual.norm()) <= enough:
            break
        scaled = inverse_diagonal * residual
        energy, previous = float((residual * scaled).sum()), energy
        direction = scaled + (energy / previous) * direction
        image = matrix(direction)
        curvature = float((direction * image).sum())
        if curvature <= 0:
            break  # the rest of the target is outside the range, by rounding
        solution = solution + (energy / curvature) * direction
        residual = residual - (energy / curvature) * image
    return solution
