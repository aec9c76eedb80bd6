import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpmark.reports import Estimate
from interpmark.reports.pooling import pool


def scored(value: float, low: float, high: float, measure: str = "linear_information") -> Estimate:
    return Estimate.scored(measure, (value, low, high), 100)


def test_one_seed_is_itself() -> None:
    assert pool([scored(0.5, 0.4, 0.7)]) == scored(0.5, 0.4, 0.7)


def test_equal_seeds_do_not_shrink_the_interval() -> None:
    pooled = pool([scored(0.5, 0.4, 0.7)] * 3)
    assert (pooled.value, pooled.low, pooled.high, pooled.n) == pytest.approx((0.5, 0.4, 0.7, 100))


def test_differences_between_seeds_widen_it_by_a_t_interval() -> None:
    pooled = pool([scored(v, v, v) for v in (0.4, 0.5, 0.6)])
    reach = 4.302653 * 0.1 / math.sqrt(3)  # t with 2 degrees of freedom, 97.5 %
    assert (pooled.value, pooled.low, pooled.high) == pytest.approx((0.5, 0.5 - reach, 0.5 + reach))


def test_the_interval_stays_within_the_measures_bounds() -> None:
    pooled = pool([scored(v, v, v, "behavior_flip_rate") for v in (0.01, 0.99)])
    assert (pooled.low, pooled.high) == (0, 1)


def test_seeds_without_a_score_are_left_out_or_give_the_reason() -> None:
    missing, failed = Estimate.not_scored("edit_norm", "why"), Estimate.failed("edit_norm", "ValueError: no")
    value = scored(0.5, 0.4, 0.6, "edit_norm")
    assert pool([missing, value, failed]) == value
    assert pool([missing, failed]) == failed
    assert pool([missing, missing]) == missing


def test_different_measures_are_not_pooled() -> None:
    with pytest.raises(ValueError, match="one measure"):
        pool([Estimate.exact("edit_norm", 1), Estimate.exact("edit_excess", 1)])
    with pytest.raises(ValueError, match="one measure"):
        pool([])


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 3), min_size=1, max_size=5))
def test_pooling_is_ordered_and_independent_of_the_seeds_order(numbers: list[tuple[float, float, float]]) -> None:
    estimates = []
    for triple in numbers:
        low, value, high = sorted(triple)
        estimates.append(scored(value, low, high, "behavior_flip_rate"))
    pooled, reverse = pool(estimates), pool(estimates[::-1])
    assert pooled.low is not None
    assert pooled.value is not None
    assert pooled.high is not None
    assert pooled.low <= pooled.value <= pooled.high
    assert (pooled.value, pooled.low, pooled.high) == pytest.approx((reverse.value, reverse.low, reverse.high))
