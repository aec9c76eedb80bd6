"""The difference between two runs of a cell, example by example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from interpmark.reports import CellId, Estimate, Scorecard
from interpmark.reports.paired import Difference, NotPairedError, paired_difference
from interpmark.reports.scorecard import SCHEMA

Make = Callable[..., Scorecard]


def tv_card(tv: np.ndarray, groups: np.ndarray | None = None, seed: int = 0, **provenance: str) -> Scorecard:
    """A scorecard with a total variation at every prompt."""
    cell = CellId("leace", "eraser", "gender", "smollm2-135m", "resid_post.26", "last", seed)
    value = float(np.mean(tv))
    estimate = Estimate.scored("behavior_tv_on_target", (value, value, value), len(tv))
    examples = {"behavior_tv": tv, "groups": np.arange(len(tv)) if groups is None else groups}
    return Scorecard(SCHEMA, "k", cell, (estimate,), examples, (), {"fixture_hash": "f1", **provenance})


def difference(before: np.ndarray, after: np.ndarray, groups: np.ndarray | None = None, **more: float) -> Difference:
    cards = [tv_card(tv, groups) for tv in (before, after)]
    return paired_difference(cards[:1], cards[1:], "behavior_tv_on_target", **more)


@pytest.fixture
def tv() -> np.ndarray:
    return np.random.default_rng(0).random(80)


def test_equal_runs_differ_by_nothing_at_all(tv: np.ndarray) -> None:
    found = difference(tv, tv)
    assert (found.value, found.low, found.high, found.p, found.n, found.clusters) == (0, 0, 0, 1, 80, 80)


def test_rounding_on_another_machine_is_no_difference(tv: np.ndarray) -> None:
    """Every example moves the same way by 1e-9, which a sign test would call certain."""
    assert difference(tv, tv * (1 + 1e-9)) == difference(tv, tv)


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.1])
def test_it_agrees_with_scipys_permutation_test_and_students_interval(tv: np.ndarray, shift: float) -> None:
    after = tv + shift + np.random.default_rng(1).normal(0, 0.1, 80)
    found = difference(tv, after)
    expected = stats.permutation_test(
        (after, tv), lambda a, b, axis: (a - b).mean(axis=axis), permutation_type="samples", n_resamples=9999,
        vectorized=True, rng=np.random.default_rng(0),
    )  # fmt: skip
    student = stats.ttest_rel(after, tv).confidence_interval()
    assert found.value == pytest.approx((after - tv).mean())
    assert found.p == pytest.approx(expected.pvalue, abs=0.02)
    assert (found.low, found.high) == pytest.approx((student.low, student.high), abs=0.004)
    assert found.detectable == pytest.approx(2.84 * (after - tv).std() / np.sqrt(80), rel=0.1)


def test_few_clusters_that_differ_are_counted_out(tv: np.ndarray) -> None:
    """Five prompts that all moved up: 2 of 32 swaps are as large, whatever the other prompts are."""
    after = tv.copy()
    after[:5] += 0.2
    assert difference(tv, after).p == pytest.approx(2 / 32)


def test_whole_clusters_are_swapped_and_drawn() -> None:
    """Eight prompts of an entity that move together are one piece of evidence."""
    rng = np.random.default_rng(2)
    groups = np.repeat(np.arange(10), 8)
    before = rng.random(80)
    after = before + np.repeat(rng.normal(0.05, 0.1, 10), 8)
    together, apart = difference(before, after, groups), difference(before, after)
    assert together.clusters == 10
    assert together.p > 10 * apart.p
    assert together.high - together.low > 1.8 * (apart.high - apart.low)


def test_p_is_uniform_where_nothing_changed() -> None:
    """Two runs with noise of their own: of 400 p-values about a twentieth are below 0.05."""
    rng = np.random.default_rng(3)
    base = rng.random(40)
    p = [difference(base + rng.normal(0, 0.1, 40), base + rng.normal(0, 0.1, 40)).p for _ in range(400)]
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.08
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_a_small_level_draws_more_swaps(tv: np.ndarray) -> None:
    """Corrected for a thousand tests, p must be able to fall below 0.00005."""
    after = tv + 0.3
    assert difference(tv, after).p > 4e-4
    assert difference(tv, after, alpha=5e-5).p < 3e-5


def test_distances_to_a_target_are_compared() -> None:
    """From 0.9 to 1.1 of an effect whose best value is 1, nothing became worse."""
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 0.05, 80)
    moved = difference(0.9 + noise, 1.1 + noise)
    assert moved.p < 0.001
    apart = difference(0.9 + noise, 1.1 + noise, target=1.0)
    assert apart.value == pytest.approx(abs(0.1 + noise.mean()) - abs(noise.mean() - 0.1))
    assert apart.low < 0 < apart.high


def test_seeds_are_paired_and_their_spread_widens_the_interval(tv: np.ndarray) -> None:
    rng = np.random.default_rng(5)
    before = [tv_card(tv, seed=seed) for seed in range(3)]
    alike = [tv_card(tv + 0.1 + rng.normal(0, 0.05, 80), seed=seed) for seed in (2, 0, 1)]
    unlike = [tv_card(tv + shift + rng.normal(0, 0.05, 80), seed=seed) for seed, shift in enumerate((0.0, 0.1, 0.2))]
    steady, spread = (paired_difference(before, after, "behavior_tv_on_target") for after in (alike, unlike))
    assert steady.value == pytest.approx(0.1, abs=0.02)
    assert steady.low > 0
    assert spread.value == pytest.approx(0.1, abs=0.02)
    assert spread.low < 0 < spread.high


def test_the_best_adversary_is_chosen_in_every_draw() -> None:
    """The strongest changes from one to the other, and the difference is that of the two maxima."""
    rng = np.random.default_rng(6)
    first, second = (rng.random((2, 400)) < [[0.6], [0.7]]).astype(int), (rng.random((2, 400)) < [[0.8], [0.7]])
    cell = CellId("leace", "eraser", "planted", "", "", "", 0)
    cards = [
        Scorecard(
            SCHEMA, "k", cell, (Estimate.exact("residual_accuracy", c.mean(1).max(), 400),),
            {"residual_correct": c.astype(int), "groups": np.arange(400)},
        )
        for c in (first, second)
    ]  # fmt: skip
    found = paired_difference(cards[:1], cards[1:], "residual_accuracy")
    assert found.value == pytest.approx(second.mean(1).max() - first.mean(1).max())
    assert found.p < 0.05


def test_facts_of_the_fit_split_have_no_sampling_error() -> None:
    def card(value: float) -> Scorecard:
        return replace(tv_card(np.zeros(4)), estimates=(Estimate.exact("guard_residual", value, 600),))

    assert paired_difference([card(1e-15)], [card(9e-15)], "guard_residual").p == 1
    found = paired_difference([card(1e-15)], [card(0.3)], "guard_residual")
    assert (found.value, found.p, found.clusters) == (pytest.approx(0.3), 0, 0)


def test_what_cannot_be_paired_says_why(tv: np.ndarray) -> None:
    card = tv_card(tv)
    without = replace(card, examples={"behavior_tv": tv + 0.1})
    unscored = replace(card, estimates=(Estimate.not_scored("behavior_tv_on_target", "no answers"),))
    for reason, other in {
        "fixture hash differs \\(f1 before, f2 after\\)": tv_card(tv, fixture_hash="f2"),
        "seeds \\[0\\] before and \\[1\\] after": tv_card(tv, seed=1),
        "other examples": tv_card(tv, groups=np.arange(80) // 2),
        "other examples before": tv_card(tv[:70]),
        "which examples belong together": without,
        "not scored: no answers": unscored,
        "no per-example scores": replace(card, examples={}),
    }.items():
        with pytest.raises(NotPairedError, match=reason):
            paired_difference([card], [other], "behavior_tv_on_target")
    with pytest.raises(NotPairedError, match="was not measured"):
        paired_difference([card], [card], "fit_seconds")


def test_an_older_result_that_is_the_same_needs_no_clusters(tv: np.ndarray) -> None:
    card = replace(tv_card(tv), examples={"behavior_tv": tv})
    assert paired_difference([card], [card], "behavior_tv_on_target").p == 1


def test_one_entity_is_no_sample(tv: np.ndarray) -> None:
    with pytest.raises(NotPairedError, match="one group"):
        difference(tv, tv + 0.1, np.zeros(80, dtype=int))
