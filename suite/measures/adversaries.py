"""The panel: fresh linear adversaries, trained on edited activations and scored on rows they have not seen.

Three adversaries (penalised logistic regression, shrunk discriminant analysis, least squares) on each of two training
sets: `probe`, and `fit` with `probe`, because an attacker may have all but the test rows. Each converges to its exact
optimum. Everything is a function of the splits and the seed, which draws the entities that strengths are chosen on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch

from interpmark.suite.ground import Split

from .calibrated import Calibrated, fit_calibrated
from .discriminant import fit_discriminant
from .inputs import EditedSplits, is_continuous, join, label_matrix, require_splits
from .least_squares import fit_least_squares, fit_ridge
from .readout import Readout
from .threads import meanwhile, one_thread
from .training import Coordinates, TrainingSet, training_set

TRAINING_SETS = ("probe", "fit+probe")


@dataclass(frozen=True, eq=False)
class Attack:
    """The adversaries of one training set.

    Attributes:
        trained_on: `probe` or `fit+probe`.
        coordinates: What maps activations to the adversaries' rows.
        readouts: The classifiers.
        calibrated: The logistic one with its log-loss; None when training has a single class.
        majority: The commonest class of the training rows, the lowest of those that tie.

    """

    trained_on: str
    coordinates: Coordinates
    readouts: tuple[Readout, ...]
    calibrated: Calibrated | None
    majority: int


@dataclass(frozen=True, eq=False)
class PanelScores:
    """How a panel does on n rows.

    Attributes:
        names: A names, such as `lda on fit+probe`.
        correct: `[A, n]` bool.
        log_loss: `[T, n]` nats, of the calibrated logistic adversary of each training set.
        prior_loss: `[T, n]` nats, of the class frequencies of the same training sets.
        majority_correct: `[n]` bool, of always answering the commonest class of `fit` and `probe`.

    """

    names: tuple[str, ...]
    correct: torch.Tensor
    log_loss: torch.Tensor
    prior_loss: torch.Tensor
    majority_correct: torch.Tensor


@dataclass(frozen=True, eq=False)
class Panel:
    """The trained adversaries of both training sets."""

    attacks: tuple[Attack, ...]

    def scores(self, split: Split) -> PanelScores:
        """Score rows of the same concept, edited as the training rows were."""
        names, correct, log_loss, prior_loss = [], [], [], []
        for attack in self.attacks:
            design = attack.coordinates(split.x)
            for readout in attack.readouts:
                names.append(f"{readout.name} on {attack.trained_on}")
                correct.append(readout.predict(design) == split.z)
            if attack.calibrated is not None:
                log_loss.append(attack.calibrated.log_loss(design, split.z))
                prior_loss.append(attack.calibrated.prior_loss(design, split.z))
        none = split.x.new_empty(0, len(split), dtype=torch.float64)
        return PanelScores(
            tuple(names),
            torch.stack(correct),
            torch.stack(log_loss) if log_loss else none,
            torch.stack(prior_loss) if prior_loss else none,
            split.z == self.attacks[-1].majority,
        )


def fit_panel(splits: EditedSplits, seed: int) -> Panel:
    """Train the adversaries on class labels, as `panel_in_training` says."""
    with panel_in_training(splits, seed) as trained:
        return trained()


@contextmanager
def panel_in_training(splits: EditedSplits, seed: int) -> Iterator[Callable[[], Panel]]:
    """Train the adversaries on class labels while the block runs; what is handed out waits for them.

    Args:
        splits: `fit` and `probe`, edited; other splits only say how many classes there are.
        seed: Draws the entities that strengths are chosen on.

    Raises:
        ValueError: A split is missing or malformed, or labels are continuous.

    """
    require_splits(splits, ("fit", "probe"))
    if is_continuous(splits["fit"].z):
        raise ValueError("labels are continuous: use fit_regressors")
    n_classes = 1 + max(int(split.z.max()) for split in splits.values())
    works = [partial(_attack, name, rows, n_classes, seed) for name, rows in _training_splits(splits)]
    with meanwhile(works) as attacks:
        yield lambda: Panel(tuple(attacks()))


def _training_splits(splits: EditedSplits) -> list[tuple[str, Split]]:
    return list(zip(TRAINING_SETS, (splits["probe"], join(splits["fit"], splits["probe"])), strict=True))


def _attack(name: str, split: Split, n_classes: int, seed: int) -> Attack:
    rows = training_set(split, seed)
    classes, place, counts = torch.unique(split.z, return_inverse=True, return_counts=True)
    majority = int(classes[counts.argmax()])
    if len(classes) == 1:
        constant = Readout("constant", torch.zeros_like(rows.design[:1].T), classes, 0.0)
        return Attack(name, rows.coordinates, (constant,) * 3, None, majority)
    calibrated = fit_calibrated(rows, place, classes, n_classes)
    readouts = (
        calibrated.readout,
        fit_discriminant(rows, place, classes),
        fit_least_squares(rows, place, classes),
    )
    return Attack(name, rows.coordinates, readouts, calibrated, majority)


@dataclass(frozen=True, eq=False)
class Regressor:
    """A ridge adversary for continuous labels.

    Attributes:
        trained_on: `probe` or `fit+probe`.
        coordinates: What maps activations to the adversary's rows.
        weight: `[r + 1, k]` float64.
        mean: `[k]`, the training rows' mean label: what a reader of nothing predicts.

    """

    trained_on: str
    coordinates: Coordinates
    weight: torch.Tensor
    mean: torch.Tensor

    def errors(self, split: Split) -> tuple[torch.Tensor, torch.Tensor]:
        """Squared errors of the adversary and of the training mean, each `[n, k]`."""
        z = label_matrix(split.z)
        return (self.coordinates(split.x) @ self.weight - z).square(), (self.mean - z).square()


def fit_regressors(splits: EditedSplits, seed: int) -> tuple[Regressor, ...]:
    """Train ridge regression on `probe`, and on `fit` with `probe`; labels `[n]` or `[n, k]` floating point."""
    require_splits(splits, ("fit", "probe"))
    with one_thread():
        return tuple(_regressor(name, training_set(split, seed)) for name, split in _training_splits(splits))


def _regressor(name: str, rows: TrainingSet) -> Regressor:
    targets = label_matrix(rows.z)
    weight, _ = fit_ridge(rows, targets)
    return Regressor(name, rows.coordinates, weight, targets.mean(dim=0))
