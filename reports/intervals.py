"""95 % intervals for statistics of clustered examples: the cluster bootstrap.

Examples that share an entity (a name, a document) are not independent, so whole clusters are drawn, with replacement.
Per-cluster sums make a draw cheap; how often a draw has each cluster depends on their number and the seed alone, and
is drawn once for all statistics. The percentile interval is expanded for a small number of clusters (Hesterberg, "What
teachers should know about the bootstrap", arXiv:1411.5279): plain percentiles are too narrow by about sqrt((G - 1) /
G), and use a normal where a t is due. Rows and clusters are put into an order that depends on their values alone, so
that neither the order of the rows nor the names of the groups change the result.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95
N_RESAMPLES = 2000
_BATCH = 200  # so many resamples at a time stay in the processor's cache: twice as fast, and the same draws
_KEPT_BYTES = 16 * 2**20  # of counts: those of 8,000 clusters

Floats = NDArray[np.float64]
Counts = NDArray[np.uint8]


class Interval(NamedTuple):
    """A value and the ends of its 95 % interval; low <= value <= high, all finite."""

    value: float
    low: float
    high: float


def clustered_mean(
    values: ArrayLike, groups: Iterable[Hashable], seed: int = 0, bounds: tuple[float, float] | None = None
) -> Interval:
    """Return the mean of values [n], with clusters `groups` [n] drawn whole.

    `bounds` are the smallest and largest possible values, (0, 1) for a proportion: when all values are equal, the
    interval is then Clopper-Pearson's for the number of clusters. Without bounds, equal values say nothing about a
    scale, and the interval is the value itself (the norm of an edit that does nothing is 0, exactly).
    Raises ValueError for no values, one cluster, lengths that differ, NaN, or values outside the bounds.
    """
    rows = _matrix([values], "values")
    return _best_mean(rows, groups, seed, bounds)


def clustered_max(
    values: ArrayLike, groups: Iterable[Hashable], seed: int = 0, bounds: tuple[float, float] | None = None
) -> Interval:
    """Return the largest row mean of values [A, n], choosing the row anew in every draw.

    The interval thereby covers the choice of the strongest of A adversaries. Otherwise as `clustered_mean`.
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[0] == 0:
        raise ValueError(f"values has shape {rows.shape}; expected [A, n], one row per candidate")
    return _best_mean(_matrix(list(rows), "values"), groups, seed, bounds)


def clustered_ratio(
    numerator: ArrayLike, denominator: ArrayLike, groups: Iterable[Hashable], seed: int = 0
) -> Interval:
    """Return sum(numerator) / sum(denominator), both [n], with clusters drawn whole and both kept paired.

    Raises ValueError also when the denominator is zero, or takes both signs and its sum lies within 3 standard errors
    of zero: no finite interval for the ratio is honest then.
    """
    rows = _matrix([numerator, denominator], "numerator and denominator")
    totals, _ = _cluster_totals(rows, groups)  # [2, G]
    n_clusters = totals.shape[1]
    bottom = float(totals[1].sum())
    error = math.sqrt(n_clusters * float(totals[1].var(ddof=1)))
    both_signs = totals[1].min() < 0 < totals[1].max()
    if bottom == 0 or (both_signs and abs(bottom) <= 3 * error):
        raise ValueError(
            f"the ratio is undetermined: its denominator sums to {bottom:.4g} with a standard error of {error:.4g}"
        )

    top, below = _sums_of_draws(totals, *_draw((n_clusters,), seed))
    # A draw whose denominator has the other sign is a 3-sigma event; its ratio means nothing.
    same_sign = np.where(below * bottom > 0, below, np.nan)
    return percentiles(float(totals[0].sum()) / bottom, top / same_sign, n_clusters)


def clustered_of_sums(
    statistic: Callable[[Floats], Floats], columns: ArrayLike, groups: Iterable[Hashable], seed: int = 0
) -> Interval:
    """Return a statistic of the sums of columns [m, n] over the examples, clusters drawn whole and columns kept paired.

    `statistic` takes sums [m, ...] to [...]. Raises ValueError as `clustered_mean` does, and when the statistic is not
    finite on the data or on a draw.
    """
    totals, _ = _cluster_totals(_matrix(list(np.asarray(columns, dtype=np.float64)), "columns"), groups)  # [m, G]
    value = float(statistic(totals.sum(axis=1)))
    if not math.isfinite(value):
        raise ValueError(f"the statistic is not finite: {value}")
    draws = np.asarray(statistic(_sums_of_draws(totals, *_draw((totals.shape[1],), seed))))
    if not np.isfinite(draws).all():
        raise ValueError("the statistic is not finite on a draw of the clusters")
    return percentiles(value, draws, totals.shape[1])


def clustered_of_two(
    statistic: Callable[[Floats, Floats], Floats],
    columns: ArrayLike, groups: Iterable[Hashable],
    others: ArrayLike, other_groups: Iterable[Hashable],
    without: str, seed: int = 0,
) -> Interval:  # fmt: skip
    """Return a statistic of the sums of two kinds of examples, whose clusters are drawn apart from each other.

    `statistic` takes sums [m, ...] of columns [m, n] and [k, ...] of others [k, D] to [...]. A draw on which it is not
    finite may lie anywhere, and counts beyond both ends. Widened for the fewer of the clusters. Raises ValueError as
    `clustered_mean` does; when the statistic is not finite on the data; and when it is not on more of the draws than
    an end leaves out: `without` says what such a draw is.
    """
    totals, _ = _cluster_totals(_matrix(list(np.asarray(columns, dtype=np.float64)), "columns"), groups)  # [m, G]
    other_totals, _ = _cluster_totals(_matrix(list(np.asarray(others, dtype=np.float64)), "others"), other_groups)
    value = float(statistic(totals.sum(axis=1), other_totals.sum(axis=1)))
    if not math.isfinite(value):
        raise ValueError(f"the statistic is not finite: {value}")
    sizes = (totals.shape[1], other_totals.shape[1])
    draws = statistic(*map(_sums_of_draws, (totals, other_totals), _draw(sizes, seed)))
    return _open_percentiles(value, np.asarray(draws), min(sizes), without)


def _best_mean(rows: Floats, groups: Iterable[Hashable], seed: int, bounds: tuple[float, float] | None) -> Interval:
    if bounds is not None and (rows.min() < bounds[0] or rows.max() > bounds[1]):
        raise ValueError(f"values run from {rows.min():.6g} to {rows.max():.6g}, outside the bounds {bounds}")
    totals, sizes = _cluster_totals(rows, groups)  # [A, G], [G]
    value = float((totals.sum(axis=1) / sizes.sum()).max())
    if bounds is not None:
        # Summing then dividing can leave the bounds by a rounding error.
        value = min(max(value, bounds[0]), bounds[1])
    *tops, rows_drawn = _sums_of_draws(np.vstack([totals, sizes]), *_draw((sizes.size,), seed))
    interval = percentiles(value, (np.stack(tops) / rows_drawn).max(axis=0), sizes.size)
    if bounds is None:
        return interval
    if math.isclose(interval.low, interval.high, rel_tol=1e-12, abs_tol=1e-12 * (bounds[1] - bounds[0])):
        return _clopper_pearson(value, sizes.size, bounds)
    return Interval(value, max(interval.low, bounds[0]), min(interval.high, bounds[1]))


def _matrix(rows: Sequence[ArrayLike], what: str) -> Floats:
    arrays = [np.asarray(row, dtype=np.float64) for row in rows]
    if any(array.ndim != 1 for array in arrays) or len({array.size for array in arrays}) > 1:
        raise ValueError(f"{what}: expected one dimension and equal lengths, got {[a.shape for a in arrays]}")
    matrix = np.stack(arrays)  # [A, n]
    if matrix.size == 0:
        raise ValueError(f"{what}: no examples, so no interval")
    if not np.isfinite(matrix).all():
        raise ValueError(f"{what}: NaN or infinity among the examples")
    return matrix


def _canonical_rows(rows: Floats, groups: Iterable[Hashable]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows' order, by cluster and then by value, and where each cluster starts in it."""
    labels = list(groups)
    if len(labels) != rows.shape[1]:
        raise ValueError(f"{len(labels)} groups for {rows.shape[1]} examples")
    numbering: dict[Hashable, int] = {}
    codes = np.array([numbering.setdefault(label, len(numbering)) for label in labels])
    order = np.lexsort((*rows, codes))
    _, starts = np.unique(codes[order], return_index=True)
    return order, starts


def _cluster_totals(rows: Floats, groups: Iterable[Hashable]) -> tuple[Floats, Floats]:
    """Return each cluster's sums [A, G] and sizes [G], the clusters ordered by these numbers."""
    order, starts = _canonical_rows(rows, groups)
    totals = np.add.reduceat(rows[:, order], starts, axis=1)
    sizes = np.diff(np.append(starts, order.size)).astype(np.float64)
    _require_clusters(sizes.size)
    by_content = np.lexsort((sizes, *totals))
    return totals[:, by_content], sizes[by_content]


def _require_clusters(n_clusters: int) -> None:
    if n_clusters < 2:
        raise ValueError("all examples belong to one group, so their spread between groups is unknown: no interval")


def _draw(sizes: tuple[int, ...], seed: int) -> tuple[Counts, ...]:
    """Return how often N_RESAMPLES draws have each cluster, `[G, N_RESAMPLES]` for each number of clusters G in sizes.

    A byte is enough: of a cluster that is drawn once on average, 256 never happen. Draws of many clusters are not kept.
    """
    return (_kept if sum(sizes) * N_RESAMPLES <= _KEPT_BYTES else _drawn)(sizes, seed)


def _drawn(sizes: tuple[int, ...], seed: int) -> tuple[Counts, ...]:
    from scipy.stats import bootstrap  # costs most of a second to import

    counted: list[list[Counts]] = []

    def count(*drawn: NDArray[np.intp], axis: int = -1) -> Floats:
        counted.append([_counts(each) for each in drawn])
        return np.zeros(len(drawn[0]))  # scipy wants a statistic; its own interval is not used

    bootstrap(
        [np.arange(size) for size in sizes],
        count,
        n_resamples=N_RESAMPLES,
        vectorized=True,
        method="percentile",
        batch=_BATCH,
        rng=np.random.default_rng(seed),
    )
    return tuple(np.concatenate(parts, axis=1) for parts in zip(*counted, strict=True))


_kept = lru_cache(maxsize=8)(_drawn)


def _counts(drawn: NDArray[np.intp]) -> Counts:
    """Return how often each of G numbers is in each of B draws `[B, G]`: `[G, B]`."""
    n_draws, n_clusters = drawn.shape
    places = drawn + n_clusters * np.arange(n_draws)[:, None]
    counts = np.bincount(places.ravel(), minlength=drawn.size).reshape(n_draws, n_clusters)
    return counts.T.astype(np.uint8)


def _sums_of_draws(totals: Floats, counts: Counts) -> Floats:
    """Return the sums `[m, R]` over the drawn clusters of totals `[m, G]`, drawn as often as counts `[G, R]` say.

    Row by row, for then equal rows have equal sums to the bit, and the ratio of the two is exactly one.
    """
    starts = range(0, counts.shape[1], _BATCH)
    parts = (counts[:, start : start + _BATCH].astype(np.float64) for start in starts)
    return np.concatenate([np.stack([total @ part for total in totals]) for part in parts], axis=1)


def percentiles(value: float, draws: Floats, n_clusters: int) -> Interval:
    """Return the 95 % interval of `value` from draws of so many clusters, widened for few of them; NaN is left out."""
    tail = _tail(n_clusters)
    low, high = np.nanquantile(draws, [tail, 1 - tail])
    # The draws of a maximum lie above it on average: the value belongs to its interval all the same.
    return Interval(value, min(float(low), value), max(float(high), value))


def _open_percentiles(value: float, draws: Floats, n_clusters: int, without: str) -> Interval:
    """Return the same where a draw that is not finite lies beyond both ends."""
    tail = _tail(n_clusters)
    known = np.isfinite(draws)
    if np.sum(~known) > tail * (len(draws) - 1):
        raise ValueError(f"{without} on {np.mean(~known):.2g} of the draws, more than an interval's end leaves out")
    low = float(np.quantile(np.where(known, draws, -np.inf), tail))
    high = float(np.quantile(np.where(known, draws, np.inf), 1 - tail))
    return Interval(value, min(low, value), max(high, value))


def _tail(n_clusters: int) -> float:
    """Return the share of draws beyond each end of an interval, wide enough for so few clusters."""
    from scipy.special import ndtr, stdtrit

    return float(ndtr(math.sqrt(n_clusters / (n_clusters - 1)) * stdtrit(n_clusters - 1, (1 - CONFIDENCE) / 2)))


def _clopper_pearson(value: float, n_clusters: int, bounds: tuple[float, float]) -> Interval:
    """Return the exact binomial interval, each cluster one trial, for a mean that did not vary between clusters."""
    from scipy.special import betaincinv

    lowest, width = bounds[0], bounds[1] - bounds[0]
    successes = n_clusters * (value - lowest) / width
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if successes <= 0 else float(betaincinv(successes, n_clusters - successes + 1, tail))
    high = 1.0 if successes >= n_clusters else float(betaincinv(successes + 1, n_clusters - successes, 1 - tail))
    return Interval(value, min(lowest + width * low, value), max(lowest + width * high, value))
