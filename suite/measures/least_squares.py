"""Ridge regression, on one-hot classes (an adversary that predicts the largest) or on continuous labels.

    minimise mean |x weight + bias - y|² + strength |weight|²,   the bias unpenalised

Strength by the held-out squared error.
"""

from __future__ import annotations

import torch

from .conjugate import solve
from .readout import STRENGTHS, Readout
from .training import TrainingSet

PATH_RESIDUAL, RESIDUAL = 1e-6, 1e-10
"""Relative residuals of the normal equations: for choosing a strength, and for the adversary that counts."""


def fit_least_squares(rows: TrainingSet, place: torch.Tensor, classes: torch.Tensor) -> Readout:
    """The ridge classifier of rows whose classes are `classes[place]`."""
    targets = torch.nn.functional.one_hot(place, len(classes)).to(rows.design.dtype)
    if len(classes) == 2:
        # The two columns sum to one, and so do their predictions: one of them is enough.
        second, strength = fit_ridge(rows, targets[:, 1:])
        weight = torch.cat([-second, second], dim=1)
        weight[-1, 0] += 1
    else:
        weight, strength = fit_ridge(rows, targets)
    return Readout("least-squares", weight, classes, strength)


def fit_ridge(rows: TrainingSet, targets: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Weights `[r + 1, k]` for targets `[n, k]` float64, and the strength that validation chose."""
    strength = _validate(rows, targets)
    return _ridge(rows.design, rows.moments, targets, strength, RESIDUAL), strength


def _validate(rows: TrainingSet, targets: torch.Tensor) -> float:
    held_out = rows.held_out
    if not bool(held_out.any()):
        return STRENGTHS[2]
    design, trained, wanted = rows.design[held_out], rows.design[~held_out], targets[~held_out]
    best = (float("inf"), STRENGTHS[0])
    for strength in STRENGTHS:
        weight = _ridge(trained, rows.moments, wanted, strength, PATH_RESIDUAL)
        error = float((design @ weight - targets[held_out]).square().mean())
        if error < best[0]:
            best = (error, strength)
    return best[1]


def _ridge(
    design: torch.Tensor, moments: torch.Tensor, targets: torch.Tensor, strength: float, residual: float
) -> torch.Tensor:
    penalty = torch.full_like(moments[:, None], strength)
    penalty[-1] = 0
    mean = targets.mean(dim=0)

    def normal(weight: torch.Tensor) -> torch.Tensor:
        return design.T @ (design @ weight) / len(design) + penalty * weight

    # Centred targets: rows without any signal then predict the class frequencies exactly, and their ties stay ties.
    wanted = design.T @ (targets - mean) / len(design)
    weight = solve(normal, wanted, 1 / (moments[:, None] + penalty), residual)
    weight[-1] += mean
    return weight
