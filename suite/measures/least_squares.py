"""Ridge regression, on one-hot classes (an adversary that predicts the largest) or on continuous labels.

    minimise mean |x weight + bias - y|² + strength |weight|²,   the bias unpenalised

Strength by the held-out squared error.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from interpmark.methods.conjugate import solve_columns
from interpmark.methods.products import product, transposed_product

from .readout import STRENGTHS, Readout
from .training import TrainingSet

PATH_RESIDUAL = 1e-4
"""Relative residual of the normal equations that choosing a strength needs; float32 reaches it."""


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
    # On principal axes the normal equations of all rows are diagonal.
    weight = _associated(rows.design, targets) / _diagonal(rows, (strength,))
    weight[-1] += targets.mean(dim=0)
    return weight, strength


def _validate(rows: TrainingSet, targets: torch.Tensor) -> float:
    held_out = rows.held_out
    if not bool(held_out.any()):
        return STRENGTHS[2]
    design, wanted = rows.design[held_out], targets[held_out]
    weights = _ridge_of_others(rows, design, targets[~held_out])
    errors = [(design @ weight - wanted).square().mean() for weight in weights]
    return STRENGTHS[int(torch.stack(errors).argmin())]


def _ridge_of_others(rows: TrainingSet, held_out: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Weights `[r + 1, k]` for each strength, on the rows that are not held out.

    All are found at once, and by the held-out rows alone, which are fewer: theirs is what the normal equations of the
    others lack of the diagonal.
    """
    k, n = targets.shape[1], len(targets)
    associated = _associated(rows.design[~rows.held_out], targets).repeat(1, len(STRENGTHS))  # [r + 1, s k]
    diagonal = _diagonal(rows, STRENGTHS).repeat_interleave(k, dim=1).float()
    more = (len(rows.design) / n - 1) * rows.moments[:, None].float()
    coarse = held_out.float()

    def normal(weights: torch.Tensor) -> torch.Tensor:
        return (diagonal + more) * weights - transposed_product(coarse, product(coarse, weights)) / n

    weights = solve_columns(normal, associated.float(), lambda left: left / diagonal, PATH_RESIDUAL).columns.double()
    weights[-1] += targets.mean(dim=0).repeat(len(STRENGTHS))
    return weights.reshape(len(weights), -1, k).unbind(1)


def _diagonal(rows: TrainingSet, strengths: Sequence[float]) -> torch.Tensor:
    """The normal equations' diagonal on all rows, `[r + 1, s]`."""
    penalty = rows.moments.new_tensor(strengths).expand(len(rows.moments), -1).clone()
    penalty[-1] = 0
    return rows.moments[:, None] + penalty


def _associated(design: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    # Centred targets: rows without any signal then predict the class frequencies exactly, and their ties stay ties.
    return transposed_product(design, targets - targets.mean(dim=0)) / len(design)
