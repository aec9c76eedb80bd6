"""The calibrated logistic adversary: strength by validation, and a log-loss that cannot be worse than it must be.

The scores of an adversary that has found nothing are the class frequencies' plus noise, and that noise costs log-loss.
So the held-out entities choose, besides the strength, by how much to trust the scores: with s in [0, 4],

    log p(z | x) = log softmax(prior + s (scores - prior))

and the s of least held-out cross-entropy (convex in s). Nothing found gives s = 0 and zero information; an overfitted
adversary gets s < 1. Predicted classes, and so accuracy, come from the scores as they are.

Strengths are relative to the curvature of the cross-entropy at the class frequencies, 1 for two balanced classes: with
200 classes the curvature is a hundred times smaller, and the same penalty would be a hundred times as strong.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .logistic import cross_entropy, fit_logistic, prior_weight
from .readout import STRENGTHS, Readout, two_columns
from .training import TrainingSet

PATH_TOLERANCE = 1e-4
"""Gradient norm that choosing a strength needs, for two balanced classes: 5e-6 nats from the optimum at the weakest."""

REFIT_TOLERANCE = 1e-7
"""Gradient norm of the adversary that counts: 5e-12 nats from the optimum at the weakest strength."""

MAX_TRUST = 4.0


@dataclass(frozen=True, eq=False)
class Calibrated:
    """The logistic adversary with its calibration.

    Attributes:
        readout: The adversary on all training rows.
        prior: `[r + 1, c]`, the weights that predict the class frequencies.
        trust: s, 0 to `MAX_TRUST`.
        missing_mass: Probability set aside for classes that the training rows lack; 0 when they have all.
        n_missing: How many these are.

    """

    readout: Readout
    prior: torch.Tensor
    trust: float
    missing_mass: float
    n_missing: int

    def log_loss(self, design: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of each row, `[n]` nats."""
        prior = design @ self.prior
        return self._loss(prior + self.trust * (design @ self.readout.weight - prior), z)

    def prior_loss(self, design: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        """Cross-entropy of each row under the training rows' class frequencies, `[n]` nats."""
        return self._loss(design @ self.prior, z)

    def _loss(self, scores: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        classes = self.readout.classes
        place = torch.searchsorted(classes, z).clamp_max(len(classes) - 1)
        known = classes[place] == z
        log_p = torch.log_softmax(scores, dim=1).gather(1, place[:, None])[:, 0]
        if not self.n_missing:
            return -log_p
        unseen = torch.full_like(log_p, self.missing_mass / self.n_missing).log()
        return -torch.where(known, log_p + torch.log1p(torch.tensor(-self.missing_mass)), unseen)


def fit_calibrated(rows: TrainingSet, place: torch.Tensor, classes: torch.Tensor, n_classes: int) -> Calibrated:
    """Choose strength and trust on the held-out rows, then refit on all.

    Args:
        rows: The training set.
        place: `[n]` int64, each row's index into `classes`.
        classes: `[c]` the classes that occur, at least two.
        n_classes: All classes of the concept; those that do not occur share the mass of half a row each.

    """
    c = len(classes)
    curvature = _relative_curvature(place)
    strengths = [strength * curvature for strength in STRENGTHS]
    strength, trust, start = _validate(rows, place, c, strengths, PATH_TOLERANCE * curvature)
    prior = prior_weight(place, c, rows.design.shape[1])
    if start is not None:
        # Rows that say nothing then predict the class frequencies exactly, and their ties stay ties.
        start[-1] = prior[-1]
    fit = fit_logistic(rows.design, place, c, strength, moments=rows.moments, start=start, tolerance=REFIT_TOLERANCE)
    n_missing = n_classes - c
    missing_mass = 0.5 * n_missing / (len(place) + 0.5 * n_classes)
    readout = Readout("logistic", two_columns(fit.weight), classes, strength)
    return Calibrated(readout, two_columns(prior), trust, missing_mass, n_missing)


def _relative_curvature(place: torch.Tensor) -> float:
    """Curvature of the cross-entropy at the class frequencies, per free class, over that of two balanced classes."""
    counts = torch.bincount(place)
    share = counts / counts.sum()
    return 4 * float(1 - share.square().sum()) / (2 * (len(share) - 1))


def _validate(
    rows: TrainingSet, place: torch.Tensor, c: int, strengths: list[float], tolerance: float
) -> tuple[float, float, torch.Tensor | None]:
    """The strength and trust of least held-out cross-entropy, and the weights there."""
    part, held_out = ~rows.held_out, rows.held_out
    if len(torch.unique(place[part])) < c or not bool(held_out.any()):
        # Every class is a single entity: nothing can be validated without losing a class.
        return strengths[len(strengths) // 2], 1.0, None
    design, z = rows.design[held_out], place[held_out]
    prior = design @ prior_weight(place[part], c, design.shape[1])
    best = (float("inf"), strengths[0], 1.0)
    chosen: torch.Tensor | None = None
    weight: torch.Tensor | None = None
    worse = 0
    trained, z_trained = rows.design[part], place[part]
    coarse = trained.float()
    for strength in strengths:
        fit = fit_logistic(
            trained, z_trained, c, strength,
            moments=rows.moments, coarse=coarse, start=weight, tolerance=tolerance,
        )  # fmt: skip
        weight = fit.weight
        trust, loss = choose_trust(prior, design @ weight, z)
        if loss < best[0]:
            best, chosen, worse = (loss, strength, trust), weight, 0
        else:
            worse += 1
        # The held-out loss falls and then rises along the path; the weakest penalties are the dearest.
        if worse == 2:
            break
    return best[1], best[2], chosen


def choose_trust(prior: torch.Tensor, scores: torch.Tensor, z: torch.Tensor) -> tuple[float, float]:
    """Return the s in [0, `MAX_TRUST`] of least mean cross-entropy, by ternary search, and that cross-entropy.

    Prior and scores are `[n, 1]` log-odds for two classes, or `[n, c]`; z is `[n]` int64.
    """

    def loss(trust: float) -> float:
        return float(cross_entropy(prior + trust * (scores - prior), z).mean())

    low, high = 0.0, MAX_TRUST
    while high - low > 1e-3:
        third = (high - low) / 3
        if loss(low + third) <= loss(high - third):
            high -= third
        else:
            low += third
    middle = (low + high) / 2
    return min(((0.0, loss(0.0)), (middle, loss(middle))), key=lambda pair: pair[1])
