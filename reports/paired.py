"""The difference between two runs of the same cell, example by example.

Both runs scored the same prompts, rows or documents, so what the examples share falls out of the difference: it is
known far better than either score. The interval is a bootstrap that draws whole clusters, each with both runs. The test
swaps "before" and "after" within clusters at random, which changes nothing where the runs do not differ: p is the share
of swaps whose difference is as large as the one found. Where the clusters that differ are few, all swaps are counted.

Several seeds of a cell are paired seed by seed and averaged. Their spread widens the interval as it does in `pooling`;
the test is over examples alone, given the seeds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from interpmark.reports.intervals import percentiles
from interpmark.reports.measures import MEASURES
from interpmark.reports.recipes import EXACT, Floats, Recipe, recipe_of
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.selection import CONTENT

ROUNDING = 1e-6
"""Scores that differ relatively by no more are equal: another processor rounds otherwise (subjects run in float32)."""

_DRAWS = 2000
_MOST_SWAPS = 200_000
# From 2^12 swaps on, counting them all costs more than drawing some.
_COUNTED = 12
# Drawing swaps may end when so many were as large as the difference found: p is then known well enough (Besag and
# Clifford, "Sequential Monte Carlo p-values", Biometrika 1991).
_ENOUGH = 100
_NO_CLUSTERS = "a scorecard does not say which examples belong together: an older interpmark made it"


class NotPairedError(ValueError):
    """Two runs cannot be compared example by example; the message says why, in one line."""


@dataclass(frozen=True)
class Difference:
    """After minus before, of one measure.

    Attributes:
        value: The difference of the values; of their distances to the target, where one was given.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p: Two-sided, of the paired permutation test; 1 when no example differs, 0 for a measure without sampling error.
        detectable: The smallest true difference that the test finds four times out of five.
        error: Standard error of `value`.
        n: Examples.
        clusters: Entities or documents that they come in; 0 for a measure without sampling error.

    """

    value: float
    low: float
    high: float
    p: float
    detectable: float
    error: float
    n: int
    clusters: int


def paired_difference(
    before: Sequence[Scorecard],
    after: Sequence[Scorecard],
    measure: str,
    *,
    seed: int = 0,
    target: float | None = None,
    alpha: float = 0.05,
) -> Difference:
    """Return how a measure differs between two runs of one cell.

    Args:
        before: The cell's scorecards, one a seed.
        after: Those of the other run, of the same seeds.
        measure: Name of the measure.
        seed: Draws the clusters and the swaps.
        target: Where the good value is, for a measure such as `behavior_effect` (1): distances to it are compared.
        alpha: Level of the test that `detectable` is for; small levels make the test draw more swaps.

    Raises:
        NotPairedError: The runs were not scored on the same examples, or a scorecard does not hold them.

    """
    pairs = _pairs(before, after, measure)
    if measure in EXACT:
        return _exact(pairs, measure, target)
    return _of_table(_table(pairs, measure), seed, target, alpha)


def why_incomparable(before: Scorecard, after: Scorecard, measure: str) -> str:
    """Return what the two results differ in that makes them incomparable, "" when nothing does."""
    for name in CONTENT:
        ours, theirs = before.provenance.get(name), after.provenance.get(name)
        if ours != theirs:
            return f"{name.replace('_', ' ')} differs ({_short(ours)} before, {_short(theirs)} after)"
    versions = [(card.measure_versions or {}).get(measure) for card in (before, after)]
    if versions[0] != versions[1]:
        return f"the version of {measure} differs ({_short(versions[0])} before, {_short(versions[1])} after)"
    return ""


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 16 else f"{text[:12]}…"


def _pairs(before: Sequence[Scorecard], after: Sequence[Scorecard], measure: str) -> list[tuple[Scorecard, Scorecard]]:
    seeds = [sorted(card.cell.seed for card in cards) for cards in (before, after)]
    if not seeds[0] or seeds[0] != seeds[1] or len(set(seeds[0])) < len(seeds[0]):
        raise NotPairedError(f"{measure}: seeds {seeds[0]} before and {seeds[1]} after; each seed is due once in both")
    by_seed = {card.cell.seed: card for card in after}
    pairs = [(card, by_seed[card.cell.seed]) for card in sorted(before, key=lambda card: card.cell.seed)]
    for pair in pairs:
        reason = why_incomparable(*pair, measure)
        if reason:
            raise NotPairedError(reason)
        for card, when in zip(pair, ("before", "after"), strict=True):
            _require_scored(card, measure, when)
    return pairs


def _require_scored(card: Scorecard, measure: str, when: str) -> None:
    if card.error is not None:
        raise NotPairedError(f"{when}, the cell failed: {card.error.line}")
    found = next((estimate for estimate in card.estimates if estimate.measure == measure), None)
    if found is None:
        raise NotPairedError(f"{when}, {measure} was not measured")
    if found.status != "ok":
        raise NotPairedError(f"{when}, {measure} was {found.status}: {found.reason}")


def _exact(pairs: Sequence[tuple[Scorecard, Scorecard]], measure: str, target: float | None) -> Difference:
    """Compare values that have no sampling error: any difference beyond rounding is one."""
    values = [[_value(card, measure, target) for card in pair] for pair in pairs]
    differences = [after - before for before, after in values]
    size = max(abs(value) for pair in values for value in pair)
    n = min(pair[0].estimate(measure).n for pair in pairs)
    if max(map(abs, differences)) <= 1e-9 + ROUNDING * size:
        return Difference(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, n, 0)
    value = statistics.fmean(differences)
    between, error = _spread(differences)
    return Difference(value, value - between, value + between, 0.0 if value else 1.0, 2.8 * error, error, n, 0)


def _value(card: Scorecard, measure: str, target: float | None) -> float:
    value = card.estimate(measure).value
    assert value is not None
    return value if target is None else abs(value - target)


def _spread(differences: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % half-width and the standard error of a mean over seeds; zeros for one seed."""
    if len(differences) < 2:
        return 0.0, 0.0
    from scipy.special import stdtrit

    error = statistics.stdev(differences) / math.sqrt(len(differences))
    return float(stdtrit(len(differences) - 1, 0.975)) * error, error


@dataclass(frozen=True, eq=False)
class _Table:
    """The columns of both runs, summed over clusters: `totals` [seeds, 2, columns, clusters]."""

    recipe: Recipe
    shape: tuple[int, ...]
    totals: Floats
    n: int

    def differences(self, sums: Floats, target: float | None) -> Floats:
        """From sums [seeds, 2, columns, draws] to each seed's difference [seeds, draws]."""
        values = np.stack([[self._values(run) for run in pair] for pair in sums])  # [seeds, 2, draws]
        if target is not None:
            values = np.abs(values - target)
        return np.asarray(values[:, 1] - values[:, 0])

    def _values(self, sums: Floats) -> Floats:
        return self.recipe.statistic(sums.reshape(*self.shape, sums.shape[-1]))


def _table(pairs: Sequence[tuple[Scorecard, Scorecard]], measure: str) -> _Table:
    recipe = recipe_of(measure, pairs[0][0].examples)
    if recipe is None and measure in MEASURES and MEASURES[measure].group != "score":
        raise NotPairedError(f"{measure} is no score: it has no examples to pair")
    tables, groups = [], []
    for pair in pairs:
        for card, when in zip(pair, ("before", "after"), strict=True):
            if recipe is None or not recipe.fits(card.examples):
                raise NotPairedError(f"{when}, the scorecard holds no per-example scores of {measure}")
            tables.append(recipe.table(card.examples))
            groups.append(recipe.clusters(card.examples, tables[-1].shape[-1]))
    assert recipe is not None
    if any(group is None for group in groups) and not all(group is None for group in groups):
        raise NotPairedError(_NO_CLUSTERS)
    if len({table.shape for table in tables}) > 1:
        raise NotPairedError(f"{measure} was scored on other examples before than after")
    shape, n = tables[0].shape[:-1], tables[0].shape[-1]
    rows = np.stack(tables).reshape(len(pairs), 2, -1, n)  # [seeds, 2, columns, n]
    _settle(rows, recipe.noise)
    if all(group is None for group in groups) and np.array_equal(rows[:, 0], rows[:, 1]):
        groups = [np.arange(n)] * len(tables)  # no example differs, so it does not matter which belong together
    totals = _cluster_sums(rows, _common(groups, n, measure))
    if totals.shape[-1] < 2:
        raise NotPairedError(f"{measure}: all examples belong to one group, so there is nothing to draw or swap")
    return _Table(recipe, shape, totals, n)


def _common(groups: Sequence[NDArray[np.int64] | None], n: int, measure: str) -> NDArray[np.int64]:
    """Return the clusters that all scorecards have."""
    found = [group for group in groups if group is not None]
    if len(found) < len(groups):
        raise NotPairedError(_NO_CLUSTERS)
    if not all(group.shape == (n,) and np.array_equal(group, found[0]) for group in found):
        raise NotPairedError(f"{measure} was scored on other examples before than after")
    return found[0]


def _settle(rows: Floats, noise: float) -> None:
    """Make scores that differ by rounding alone equal, in place."""
    before, after = rows[:, 0], rows[:, 1]
    scale = np.abs(rows[:, :, -1]).mean()
    near = np.abs(after - before) <= ROUNDING * np.maximum(np.abs(before), np.abs(after)) + noise * scale
    after[near] = before[near]


def _cluster_sums(rows: Floats, groups: NDArray[np.int64]) -> Floats:
    _, codes = np.unique(groups, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(codes.max() + 1))
    return np.asarray(np.add.reduceat(rows[..., order], starts, axis=-1))


def _of_table(table: _Table, seed: int, target: float | None, alpha: float) -> Difference:
    from scipy.special import stdtrit

    clusters = table.totals.shape[-1]
    if np.array_equal(table.totals[:, 0], table.totals[:, 1]):
        return Difference(0.0, 0.0, 0.0, 1.0, 0.0, 0.0, table.n, clusters)
    by_seed = table.differences(table.totals.sum(axis=-1, keepdims=True), target)[:, 0]
    value = float(by_seed.mean())
    draws = _bootstrap(table, seed, target)
    interval = percentiles(value, draws, clusters)
    between, seed_error = _spread(by_seed.tolist())
    low, high = value - math.hypot(value - interval.low, between), value + math.hypot(interval.high - value, between)
    error = math.hypot(float(np.nanstd(draws)) * math.sqrt(clusters / (clusters - 1)), seed_error)
    freedom = clusters - 1
    detectable = error * float(stdtrit(freedom, 1 - alpha / 2) + stdtrit(freedom, 0.8))
    p = _permutation_p(table, value, seed, target, alpha)
    return Difference(value, low, high, p, detectable, error, table.n, clusters)


def _bootstrap(table: _Table, seed: int, target: float | None) -> Floats:
    """Return the mean difference over seeds of each draw of clusters, `[draws]`."""
    weights = _weights(table.totals.shape[-1], seed)  # [clusters, draws]
    return np.asarray(table.differences(table.totals @ weights, target).mean(axis=0))


@lru_cache(maxsize=8)
def _weights(clusters: int, seed: int) -> Floats:
    """How often each draw has each cluster, `[clusters, draws]`."""
    drawn = np.random.default_rng(seed).integers(clusters, size=(_DRAWS, clusters))
    flat = (drawn + clusters * np.arange(_DRAWS)[:, None]).ravel()
    counts = np.bincount(flat, minlength=_DRAWS * clusters).reshape(_DRAWS, clusters)
    return np.ascontiguousarray(counts.T, dtype=np.float64)


def _permutation_p(table: _Table, value: float, seed: int, target: float | None, alpha: float) -> float:
    before, after = table.totals[:, 0], table.totals[:, 1]  # [seeds, columns, clusters]
    change = after - before
    moved = change[..., np.abs(change).max(axis=(0, 1)) > 0]
    ends = before.sum(axis=-1)[..., None], after.sum(axis=-1)[..., None]  # [seeds, columns, 1]
    least = abs(value) * (1 - 1e-9)

    def as_large(swaps: Floats) -> int:
        carried = moved @ swaps  # [seeds, columns, draws]
        found = table.differences(np.stack([ends[0] + carried, ends[1] - carried], axis=1), target).mean(axis=0)
        return int((np.abs(found) >= least).sum())

    clusters = moved.shape[-1]
    if clusters <= _COUNTED:
        every = np.arange(2**clusters)
        return as_large(((every[None] >> np.arange(clusters)[:, None]) & 1).astype(np.float64)) / len(every)
    return _drawn_p(as_large, clusters, seed, alpha)


def _drawn_p(as_large: Callable[[Floats], int], clusters: int, seed: int, alpha: float) -> float:
    rng = np.random.default_rng([seed, 1])
    needed = min(max(_DRAWS, math.ceil(2 / alpha)), _MOST_SWAPS)
    hits = done = 0
    while done < needed and hits < _ENOUGH:
        hits += as_large(rng.integers(2, size=(clusters, _DRAWS)).astype(np.float64))
        done += _DRAWS
    return (hits + 1) / (done + 1)
