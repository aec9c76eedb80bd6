"""What each cluster of examples contributes to a score: the score as a sum over clusters, to first order.

Two methods on one fixture are scored on the same examples. With both scores as sums over the same clusters, every pair
of many methods is compared by one matrix product. Sums and ratios of sums are linear in what an edit changes, so the
first order is all of it; of several adversaries, the one that counts is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from interpmark.reports.recipes import Floats, Recipe, recipe_of
from interpmark.reports.scorecard import Scorecard

# A small part of a cluster's weight, to take the derivative by. Recipes are ratios of sums, nearly straight over it.
_STEP = 1e-4


class NoContributionsError(ValueError):
    """A score cannot be split over examples; the message says why, in one line."""


@dataclass(frozen=True, eq=False)
class Contributions:
    """A score as a sum over clusters of examples.

    Attributes:
        value: The score, the mean over seeds.
        parts: What each cluster adds to it, `[clusters]`.
        weights: Each cluster's share of the examples, `[clusters]`, sum 1.
        noise: What of a part rounding may change, `[clusters]`.
        examples: Says which clusters these are: only contributions of equal `examples` can be compared.

    """

    value: float
    parts: Floats
    weights: Floats
    noise: Floats
    examples: tuple[object, ...]


def contributions(cards: Sequence[Scorecard], measure: str) -> Contributions:
    """Return what each cluster adds to the measure's mean over the cards, one a seed, of one method on one fixture.

    Raises:
        NoContributionsError: A card failed, was not scored by the measure, or holds no per-example scores of it.

    """
    by_seed = [_of_card(card, measure) for card in sorted(cards, key=lambda card: card.cell.seed)]
    first = by_seed[0]
    if any(other.examples != first.examples for other in by_seed):
        raise NoContributionsError("its seeds were scored on different examples")
    seeds = tuple(sorted(card.cell.seed for card in cards))
    return Contributions(
        value=float(np.mean([one.value for one in by_seed])),
        parts=np.mean([one.parts for one in by_seed], axis=0),
        weights=first.weights,
        noise=first.noise,
        examples=(seeds, *first.examples),
    )


def _of_card(card: Scorecard, measure: str) -> Contributions:
    _require_scored(card, measure)
    recipe = recipe_of(measure, card.examples)
    if recipe is None:
        raise NoContributionsError("no scores of single examples are kept for it")
    table = recipe.table(card.examples)  # [..., n]
    groups = recipe.clusters(card.examples, table.shape[-1])
    if groups is None:
        raise NoContributionsError("an older scorecard: it does not say which examples belong together")
    if len(np.unique(groups)) < 2:
        raise NoContributionsError("all examples belong to one group")
    return _linear(recipe, _cluster_sums(table, groups), (measure, groups.tobytes()))


def _require_scored(card: Scorecard, measure: str) -> None:
    if card.error is not None:
        raise NoContributionsError(f"the cell failed: {card.error.line}")
    found = next((estimate for estimate in card.estimates if estimate.measure == measure), None)
    if found is None:
        raise NoContributionsError("not measured")
    if found.status != "ok":
        raise NoContributionsError(found.reason)


def _linear(recipe: Recipe, totals: Floats, examples: tuple[object, ...]) -> Contributions:
    sums = totals.sum(axis=-1, keepdims=True)
    value = float(recipe.statistic(sums)[0])
    pulled = recipe.statistic(sums - _STEP * totals)  # [clusters]
    if not (np.isfinite(value) and np.isfinite(pulled).all()):
        raise NoContributionsError("the score is not finite without one of the clusters")
    influence = (value - pulled) / _STEP
    # They add up to zero but for the step, and where two adversaries are equally strong.
    influence -= influence.mean()
    scale = totals.reshape(-1, totals.shape[-1])[-1]
    clusters = len(scale)
    weights = scale / scale.sum() if scale.min() > 0 else np.full(clusters, 1 / clusters)
    noise = np.full(clusters, recipe.noise / clusters)
    return Contributions(value, influence + value * weights, weights, noise, examples)


def _cluster_sums(table: Floats, groups: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    _, codes = np.unique(groups, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(codes.max() + 1))
    return np.asarray(np.add.reduceat(table[..., order], starts, axis=-1))
