"""Ridge regression, on one-hot classes (an adversary that predicts the largest) or on continuous labels.

    (M + strength I) weight = mean x yᵀ,   M the rows' mean outer product, the intercept unpenalised

Strength by the held-out squared error.
"""

from __future__ import annotations

import torch

from .readout import STRENGTHS, Readout
from .training import TrainingSet


def fit_least_squares(rows: TrainingSet, place: torch.Tensor, classes: torch.Tensor) -> Readout:
    """The ridge classifier of rows whose classes are `classes[place]`."""
    targets = torch.nn.functional.one_hot(place, len(classes)).to(rows.design.dtype)
    weight, strength = fit_ridge(rows, targets)
    return Readout("least-squares", weight, classes, strength)


def fit_ridge(rows: TrainingSet, targets: torch.Tensor) -> tuple[torch.Tensor, float]:
    """Weights `[r + 1, k]` for targets `[n, k]` float64, and the strength that validation chose."""
    strength = _validate(rows, targets)
    return _solve(rows.moment, rows.design, targets, strength), strength


def _validate(rows: TrainingSet, targets: torch.Tensor) -> float:
    held_out = rows.held_out
    if not bool(held_out.any()):
        return STRENGTHS[2]
    design, part = rows.design[held_out], ~held_out
    best = (float("inf"), STRENGTHS[0])
    for strength in STRENGTHS:
        weight = _solve(rows.part_moment, rows.design[part], targets[part], strength)
        error = float((design @ weight - targets[held_out]).square().mean())
        if error < best[0]:
            best = (error, strength)
    return best[1]


def _solve(moment: torch.Tensor, design: torch.Tensor, targets: torch.Tensor, strength: float) -> torch.Tensor:
    penalty = torch.full_like(moment[0], strength)
    penalty[-1] = 0
    factor = torch.linalg.cholesky(moment + torch.diag(penalty))
    return torch.cholesky_solve(design.T @ targets / len(design), factor)
