"""Linear discriminant analysis with a shrunk covariance.

    weight_c = S⁻¹ m_c,   bias_c = log π_c - m_cᵀ S⁻¹ m_c / 2,   S = (1 - α) S_within + α tr(S_within) / p I

on standardised features, α by oracle approximating shrinkage (Chen, Wiesel, Eldar and Hero 2010, arXiv:0907.4698,
eq. 23), clamped to [0, 1].
"""

from __future__ import annotations

import torch

from .readout import Readout
from .training import TrainingSet

VARIANCE_FLOOR = 1e-9
"""Least eigenvalue of S, beside the features' unit variance: rows of each class may coincide."""


def fit_discriminant(rows: TrainingSet, place: torch.Tensor, classes: torch.Tensor) -> Readout:
    """Fit on rows whose classes are `classes[place]`."""
    design = rows.design[:, :-1]  # [n, r]
    n, c = len(design), len(classes)
    members = torch.nn.functional.one_hot(place, c).to(design.dtype)  # [n, c]
    share = members.mean(dim=0)  # [c]
    means = members.T @ design / (n * share)[:, None]  # [c, r]
    within = torch.diag(rows.moments[:-1]) - means.T @ (share[:, None] * means)  # [r, r]
    shrinkage = oracle_approximating_shrinkage(within, n, rows.n_features)
    scale = float(within.trace()) / max(rows.n_features, 1)
    shrunk = (1 - shrinkage) * within
    shrunk.diagonal().add_(max(shrinkage * scale, VARIANCE_FLOOR))
    weight = torch.cholesky_solve(means.T, torch.linalg.cholesky(shrunk))  # [r, c]
    bias = share.log() - 0.5 * (means.T * weight).sum(dim=0)
    return Readout("lda", torch.cat([weight, bias[None]]), classes, shrinkage)


def oracle_approximating_shrinkage(covariance: torch.Tensor, n: int, p: int) -> float:
    """α in [0, 1] for a covariance of n rows and p features (p may exceed its size when rows span less)."""
    if p == 0:
        return 1.0
    square_of_trace = float(covariance.trace()) ** 2
    trace_of_square = float(covariance.square().sum())
    excess = trace_of_square - square_of_trace / p
    above = (1 - 2 / p) * trace_of_square + square_of_trace
    below = (n + 1 - 2 / p) * excess
    # Already isotropic: shrinking changes nothing, and the ratio is not defined.
    return 1.0 if below <= 0 or above >= below else max(0.0, above / below)
