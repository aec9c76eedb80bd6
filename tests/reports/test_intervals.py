import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import bootstrap

from interpmark.reports.intervals import (
    N_RESAMPLES,
    Interval,
    clustered_max,
    clustered_mean,
    clustered_of_sums,
    clustered_ratio,
    percentiles,
)

Floats = NDArray[np.float64]


def clustered_sample(rng: np.random.Generator, n_clusters: int, size: int) -> tuple[Floats, NDArray[np.int64]]:
    """Values of mean 0 whose clusters differ more than the rows within one."""
    effects = rng.normal(size=n_clusters)
    return (effects[:, None] + 0.5 * rng.normal(size=(n_clusters, size))).ravel(), np.repeat(
        np.arange(n_clusters), size
    )


def coverage(n_clusters: int, runs: int, *, naive: bool = False) -> float:
    hits = 0
    for run in range(runs):
        values, groups = clustered_sample(np.random.default_rng(run), n_clusters, size=4)
        interval = clustered_mean(values, np.arange(values.size) if naive else groups, seed=run)
        hits += interval.low <= 0 <= interval.high
    return hits / runs


# 4 standard errors of a proportion of .95: the seeds are fixed, the margin says how far a right answer may lie.
@pytest.mark.parametrize(("n_clusters", "runs"), [(8, 800), (40, 400)])
def test_a_95_percent_interval_covers_in_95_percent_of_samples(n_clusters: int, runs: int) -> None:
    assert coverage(n_clusters, runs) == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / runs))


def test_drawing_rows_and_not_clusters_covers_too_rarely() -> None:
    assert coverage(40, 150, naive=True) < 0.85


def test_seeds_move_the_ends_less_than_the_width() -> None:
    values, groups = clustered_sample(np.random.default_rng(0), 40, 6)
    intervals = [clustered_mean(values, groups, seed=seed) for seed in range(8)]
    assert len({interval.low for interval in intervals}) > 1
    assert np.ptp([interval.low for interval in intervals]) < 0.2 * (intervals[0].high - intervals[0].low)
    assert clustered_mean(values, groups, seed=3) == intervals[3]


INTERVALS: dict[str, Callable[[Floats, list[object]], Interval]] = {
    "mean": clustered_mean,
    "max": lambda v, g: clustered_max(np.stack([v, v[::1] ** 2, -v]), g),
    "ratio": lambda v, g: clustered_ratio(v, v**2 + 1, g),
    "of sums": lambda v, g: clustered_of_sums(lambda sums: sums[0] * sums[1], [v, v**2], g),
}


@pytest.mark.parametrize("name", INTERVALS)
def test_row_order_and_group_names_do_not_matter(name: str) -> None:
    values, groups = clustered_sample(np.random.default_rng(1), 15, 5)
    groups = groups[: values.size]
    names: list[object] = [f"name {97 * g % 15}" for g in groups]
    order = np.random.default_rng(2).permutation(values.size)
    reference = INTERVALS[name](values, list(groups))
    assert INTERVALS[name](values, names) == reference
    assert INTERVALS[name](values[order], [names[i] for i in order]) == reference


def test_ratio_agrees_with_the_delta_method() -> None:
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(200), 3)
    below = 5 + np.repeat(rng.normal(size=200), 3) + rng.normal(size=600)
    above = 0.4 * below + np.repeat(rng.normal(size=200), 3)
    value, low, high = clustered_ratio(above, below, groups)
    assert value == pytest.approx(above.sum() / below.sum())
    # Delta method: var(R) = sum over clusters of (A_g - R B_g)^2 / (sum B)^2.
    residuals = np.bincount(groups, above) - value * np.bincount(groups, below)
    error = math.sqrt((residuals**2).sum()) / below.sum()
    assert high - value == pytest.approx(1.96 * error, rel=0.1)
    assert value - low == pytest.approx(1.96 * error, rel=0.1)


def test_ratio_is_paired() -> None:
    rng = np.random.default_rng(0)
    below = rng.uniform(1, 50, size=100)
    tight = clustered_ratio(0.3 * below + rng.normal(scale=0.01, size=100), below, range(100))
    assert tight.high - tight.low < 0.001


@pytest.mark.parametrize(("n_clusters", "seed"), [(12, 0), (12, 1), (40, 0), (300, 0), (12, 0)])
def test_the_draws_are_those_that_scipy_makes_for_this_sample_and_seed(n_clusters: int, seed: int) -> None:
    values = np.sort(np.random.default_rng(n_clusters).normal(size=n_clusters))
    drawn = bootstrap(
        (values,), np.mean, n_resamples=N_RESAMPLES, method="percentile", batch=200, rng=np.random.default_rng(seed)
    )
    expected = percentiles(values.mean(), drawn.bootstrap_distribution, n_clusters)
    assert clustered_mean(values, range(n_clusters), seed=seed) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("denominator", [[1.0, -1.0] * 20, [0.0] * 40, list(np.random.default_rng(0).normal(size=40))])
def test_a_ratio_over_nothing_is_refused(denominator: list[float]) -> None:
    with pytest.raises(ValueError, match="the ratio is undetermined"):
        clustered_ratio([1.0] * 40, denominator, range(40))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_proportion_of_0_or_1_has_the_clopper_pearson_interval_of_its_clusters(value: float) -> None:
    interval = clustered_mean([value] * 120, [i // 4 for i in range(120)], bounds=(0, 1))
    reach = 1 - 0.025 ** (1 / 30)  # 30 clusters without an exception
    expected = (0.0, 0.0, reach) if value == 0 else (1.0, 1 - reach, 1.0)
    assert interval == pytest.approx(expected)


@given(
    st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=40),
    st.lists(st.integers(0, 6), min_size=40, max_size=40),
    st.integers(0, 3),
)
@settings(deadline=None, max_examples=60)
def test_a_proportions_interval_is_ordered_bounded_and_never_of_zero_width(
    values: list[float], groups: list[int], seed: int
) -> None:
    labels = [-1, -2, *groups][: len(values)]  # two clusters at least
    for interval in (
        clustered_mean(values, labels, seed, bounds=(0, 1)),
        clustered_max([values, [1 - v for v in values]], labels, seed, bounds=(0, 1)),
    ):
        assert 0 <= interval.low <= interval.value <= interval.high <= 1
        assert interval.low < interval.high


def test_equal_values_strictly_inside_the_bounds_still_have_a_width() -> None:
    interval = clustered_mean([3.0] * 20, range(20), bounds=(2, 6))
    assert 2 < interval.low < 3 < interval.high < 6


def test_an_unbounded_constant_is_exact() -> None:
    assert clustered_mean([0.0] * 20, range(20)) == (0, 0, 0)
    assert clustered_ratio([2.0, 4.0], [1.0, 2.0], range(2)) == (2, 2, 2)
    values = np.random.default_rng(0).uniform(size=50)
    assert clustered_ratio(values, values, range(50)) == (1, 1, 1)


def test_a_positive_denominator_determines_the_ratio_however_uneven_it_is() -> None:
    value, low, high = clustered_ratio([1.0, 30.0, 2.0], [1.0, 100.0, 3.0], range(3))
    assert 0.29 < low < value < high <= 1


def test_the_maximum_is_chosen_within_each_draw() -> None:
    # Two rows of equal mean whose errors mirror each other: whichever draw, one of them lies above.
    noise = np.random.default_rng(0).normal(size=60)
    noise -= noise.mean()
    best = clustered_max([noise, -noise], range(60))
    alone = clustered_mean(noise, range(60))
    assert best.value == pytest.approx(0, abs=1e-12)
    assert best.low == best.value
    assert alone.low < -0.1
    assert best.high > alone.high - 0.1


def test_a_maximum_over_one_row_is_the_mean() -> None:
    values, groups = clustered_sample(np.random.default_rng(0), 20, 3)
    assert clustered_max([values], groups) == clustered_mean(values, groups)


def test_the_general_form_agrees_with_the_special_ones() -> None:
    values, groups = clustered_sample(np.random.default_rng(0), 30, 4)
    weights = values**2 + 1
    general = clustered_of_sums(lambda sums: sums[0] / sums[1], [values, weights], groups)
    assert general == pytest.approx(clustered_ratio(values, weights, groups), rel=1e-12)
    general = clustered_of_sums(lambda sums: sums[:2].max(axis=0) / sums[2], [values, -values, np.ones(120)], groups)
    assert general == pytest.approx(clustered_max([values, -values], groups), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: clustered_mean([], []), "no examples"),
        (lambda: clustered_mean([1.0, 2.0], ["a", "a"]), "one group"),
        (lambda: clustered_of_sums(lambda sums: sums[0], [[1.0, 2.0]], ["a", "a"]), "one group"),
        (lambda: clustered_ratio([1.0, 2.0], [1.0, 2.0], ["a", "a"]), "one group"),
        (lambda: clustered_mean([1.0, 2.0], ["a"]), "1 groups for 2 examples"),
        (lambda: clustered_mean([1.0, math.nan], ["a", "b"]), "NaN or infinity"),
        (lambda: clustered_mean([1.0, math.inf], ["a", "b"]), "NaN or infinity"),
        (lambda: clustered_mean([1.0, 1.5], ["a", "b"], bounds=(0, 1)), "outside the bounds"),
        (lambda: clustered_mean([[1.0, 1.5]], ["a", "b"]), "expected one dimension"),
        (lambda: clustered_max([1.0, 1.5], ["a", "b"]), r"expected \[A, n\]"),
        (lambda: clustered_ratio([1.0, 1.5], [1.0], ["a", "b"]), "equal lengths"),
        (lambda: clustered_of_sums(lambda sums: sums[0] * math.nan, [[1.0, 2.0]], "ab"), "not finite"),
    ],
)
def test_degenerate_data_is_refused(call: Callable[[], Interval], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
