"""Residual linear accuracy: what the strongest fresh linear adversary still reads off the edited activations.

Held-out accuracy after even a perfect guard lies above the majority rate when n_fit is not much larger than d; the
guard residual on the fit split says exactly whether the guard holds where it was fitted.

Continuous labels are scored by R², 1 - (squared error) / (squared error of the training mean), averaged over the
labels and not clipped: below 0 is worse than knowing nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from interpmark.reports.estimate import Estimate
from interpmark.reports.intervals import Interval, clustered_max, clustered_of_sums
from interpmark.suite.ground import Split

from .adversaries import Panel, PanelScores, Regressor, fit_panel, fit_regressors, panel_in_training
from .estimates import Examples, Scored, clusters, estimate
from .inputs import EditedSplits, is_continuous, label_matrix, numbers, require_split, require_splits
from .threads import one_thread

R2_UNIT = "R2"

Readers = Panel | tuple[Regressor, ...]


@one_thread()
def residual_accuracy(
    edited: EditedSplits, unedited_fit: Split, seed: int = 0, readers: Readers | None = None
) -> Scored:
    """Score what linear adversaries read off edited activations.

    Args:
        edited: `fit`, `probe`, `test` and perhaps `transfer`, all after the edit.
        unedited_fit: The `fit` split before it, the scale of the guard residual.
        seed: Draws the entities that strengths are chosen on, and the bootstrap.
        readers: `train_readers` of these splits and this seed, where they are trained already.

    Returns:
        Estimates `residual_accuracy`, `residual_accuracy_transfer` (with a transfer split), `majority_rate`,
        `linear_information` and `guard_residual`. Examples: `adversary_names` [A]; `residual_correct` and
        `residual_correct_transfer` [A][n] of 0 and 1; `prior_loss` and `adversary_loss` [2][n] nats;
        `guard_class_mean_gap` [1], the largest distance between two class means over that before the edit.
        With continuous labels: `residual_squared_error` and `label_squared_deviation` [2][k][n], those of the transfer
        split with `_transfer` added. Entities: `groups` [n], and `groups_transfer`.

    Raises:
        ValueError: A split is missing or malformed, or a number is not finite.

    """
    require_splits(edited)
    estimates, examples = _accuracies("residual_accuracy", "residual", edited, seed, readers)
    guards, gap = guard_residual(unedited_fit, edited["fit"])
    return [*estimates, *guards], {**examples, **gap}


@one_thread()
def unedited_accuracy(splits: EditedSplits, seed: int = 0, readers: Readers | None = None) -> Scored:
    """The same adversaries on the unedited splits; it depends on the fixture only, so cache it.

    Estimates `unedited_accuracy` and `majority_rate`, in this order.
    Examples: `unedited_correct` [A][n], or for continuous labels `unedited_squared_error` [2][k][n].
    """
    require_splits(splits)
    kept = {name: splits[name] for name in ("fit", "probe", "test")}
    estimates, examples = _accuracies("unedited_accuracy", "unedited", kept, seed, readers)
    own = {name: values for name, values in examples.items() if name.startswith("unedited")}
    return estimates[:2], own


def guard_residual(unedited_fit: Split, edited_fit: Split) -> Scored:
    """The exact residual on the fit split: max |Cov(x', z)| over max |Cov(x, z)|, z one-hot for classes.

    It is a fact of the rows and not an estimate: low = value = high.
    """
    require_split("fit (unedited)", unedited_fit)
    require_split("fit", edited_fit)
    before = _largest_covariance(unedited_fit)
    if before == 0:
        reason = "no covariance with the label before the edit: the fit split has a single class or constant rows"
        return [Estimate.not_scored("guard_residual", reason)], {}
    value = _largest_covariance(edited_fit) / before
    gap = _largest_mean_gap(unedited_fit)
    examples: Examples = {"guard_class_mean_gap": [_largest_mean_gap(edited_fit) / gap]} if gap > 0 else {}
    return [Estimate.exact("guard_residual", value, len(edited_fit))], examples


def train_readers(splits: EditedSplits, seed: int = 0) -> Readers:
    """What is trained to read the labels: a panel on classes, and regressors where labels are continuous."""
    return fit_regressors(splits, seed) if is_continuous(splits["fit"].z) else fit_panel(splits, seed)


@contextmanager
def training(splits: EditedSplits, seed: int = 0) -> Iterator[Callable[[], Readers]]:
    """`train_readers` while the block runs: a panel on threads of its own. What is handed out waits for them."""
    if is_continuous(splits["fit"].z):
        regressors = fit_regressors(splits, seed)
        yield lambda: regressors
        return
    with panel_in_training(splits, seed) as trained:
        yield trained


def _accuracies(measure: str, prefix: str, splits: EditedSplits, seed: int, readers: Readers | None) -> Scored:
    readers = train_readers(splits, seed) if readers is None else readers
    if isinstance(readers, Panel):
        return _score_classifiers(measure, prefix, splits, seed, readers)
    return _score_regressors(measure, prefix, splits, seed, readers)


def _score_classifiers(measure: str, prefix: str, splits: EditedSplits, seed: int, panel: Panel) -> Scored:
    test = panel.scores(splits["test"])
    groups = splits["test"].groups
    majority = float(test.majority_correct.double().mean())
    estimates = [
        _strongest(measure, test, splits["test"], seed),
        Estimate.exact("majority_rate", majority, len(groups)),
        _information(test, splits["test"], seed),
    ]
    examples: Examples = {
        "adversary_names": list(test.names),
        f"{prefix}_correct": test.correct.int().tolist(),
        "prior_loss": test.prior_loss.tolist(),
        "adversary_loss": test.log_loss.tolist(),
        "groups": clusters(groups),
    }
    if "transfer" in splits:
        scored, names = _transfer(measure, prefix, panel, splits["transfer"], seed)
        estimates += scored
        examples |= names
    return estimates, examples


def _transfer(measure: str, prefix: str, panel: Panel, split: Split, seed: int) -> Scored:
    scores = panel.scores(split)
    found = _strongest(f"{measure}_transfer", scores, split, seed)
    return [found], {
        f"{prefix}_correct_transfer": scores.correct.int().tolist(),
        "groups_transfer": clusters(split.groups),
    }


def _strongest(measure: str, scores: PanelScores, split: Split, seed: int) -> Estimate:
    correct = numbers(scores.correct)
    return estimate(measure, lambda: clustered_max(correct, split.groups, seed, bounds=(0, 1)), len(split))


def _information(scores: PanelScores, split: Split, seed: int) -> Estimate:
    """Cross-entropy of the training frequencies minus the adversary's, the larger over training sets; not floored."""
    if not len(scores.log_loss):
        return Estimate.not_scored("linear_information", "the training rows have a single class")
    gained = numbers(scores.prior_loss - scores.log_loss)  # [T, n]
    return estimate("linear_information", lambda: clustered_max(gained, split.groups, seed), len(split))


def _score_regressors(
    measure: str, prefix: str, splits: EditedSplits, seed: int, regressors: tuple[Regressor, ...]
) -> Scored:
    found, errors, deviations = _r2(measure, regressors, splits["test"], seed)
    estimates = [
        found,
        Estimate.exact("majority_rate", 0.0, len(splits["test"]), R2_UNIT),
        Estimate.not_scored("linear_information", "labels are continuous: there is no entropy to take from"),
    ]
    examples: Examples = {
        "adversary_names": [f"ridge on {regressor.trained_on}" for regressor in regressors],
        f"{prefix}_squared_error": errors,
        "label_squared_deviation": deviations,
        "groups": clusters(splits["test"].groups),
    }
    if "transfer" in splits:
        found, errors, deviations = _r2(f"{measure}_transfer", regressors, splits["transfer"], seed)
        estimates.append(found)
        examples |= {
            f"{prefix}_squared_error_transfer": errors,
            "label_squared_deviation_transfer": deviations,
            "groups_transfer": clusters(splits["transfer"].groups),
        }
    return estimates, examples


def _r2(
    measure: str, regressors: tuple[Regressor, ...], split: Split, seed: int
) -> tuple[Estimate, list[object], list[object]]:
    pairs = [regressor.errors(split) for regressor in regressors]
    errors = torch.stack([error for error, _ in pairs], dim=1)  # [n, T, k]
    deviations = torch.stack([deviation for _, deviation in pairs], dim=1)

    columns = torch.cat([errors.flatten(1), deviations.flatten(1)], dim=1).T  # [2 T k, n]

    def best(sums: np.ndarray) -> np.ndarray:
        error, deviation = sums.reshape(2, *errors.shape[1:], *sums.shape[1:])  # [T, k, ...]
        return np.asarray((1 - error / deviation).mean(axis=1).max(axis=0))

    def interval() -> Interval:
        return clustered_of_sums(best, numbers(columns), split.groups, seed)

    found = estimate(measure, interval, len(split), R2_UNIT)
    return found, errors.permute(1, 2, 0).tolist(), deviations.permute(1, 2, 0).tolist()


def _largest_covariance(split: Split) -> float:
    z = label_matrix(split.z)
    x = split.x.to(torch.float64)
    return float(((x - x.mean(dim=0)).T @ (z - z.mean(dim=0)) / len(split)).abs().max())


def _largest_mean_gap(split: Split) -> float:
    """Largest distance between two class means; 0 for continuous labels or a single class."""
    if is_continuous(split.z):
        return 0.0
    members = label_matrix(split.z)
    means = members.T @ split.x.to(torch.float64) / members.sum(dim=0)[:, None]  # [c, d]
    return float(torch.pdist(means).max()) if len(means) > 1 else 0.0


__all__ = ["Readers", "guard_residual", "residual_accuracy", "train_readers", "training", "unedited_accuracy"]
