"""The steering effect at a given damage, on sweeps whose effects and damages are known."""

from __future__ import annotations

import numpy as np
import pytest

from interpmark.reports.estimate import Estimate
from interpmark.suite.measures import Answers, Swept, effect_at_damage

GAP = 6.0
STRENGTHS = (-2.0, -1.0, 0.0, 1.0, 2.0)
DOCUMENTS = 20
EVEN = np.ones(DOCUMENTS)


def answers(n: int = 80, noise: float = 0.3) -> Answers:
    """Classes 0 and 1 by turns, `GAP` nats apart; two prompts an entity."""
    z = np.arange(n) // 2 % 2
    h = GAP * (z - 0.5) + noise * np.random.default_rng(0).standard_normal(n)
    return Answers(h, z, np.arange(n) // 2)


def pushed(before: Answers, noise: float = 0.0) -> np.ndarray:
    """A steerer that moves all answers by a gap a unit of strength, up to noise."""
    rng = np.random.default_rng(1)
    return np.array([before.h + s * (before.gap + noise * rng.standard_normal(len(before.h))) for s in STRENGTHS])


def swept(h: np.ndarray, costs: list[float], shares: np.ndarray = EVEN) -> Swept:
    """A sweep with the costs given, of which each document bears its share."""
    tokens = np.full(DOCUMENTS, 50)
    return Swept(STRENGTHS, h, np.outer(costs, shares / shares.mean() * tokens), tokens)


def scored(level: float, sweep: Swept, before: Answers) -> Estimate:
    (found,), _ = effect_at_damage("steering_effect_at_0.1", level, sweep, before)
    return found


def width(found: Estimate) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_the_effect_is_interpolated_on_both_sides() -> None:
    before = answers()
    for level, expected in ((0.1, 1.0), (0.3, 3.0), (0.39, 3.9)):
        found = scored(level, swept(pushed(before), [0.4, 0.2, 0.0, 0.2, 0.4]), before)
        assert found.value == pytest.approx(expected)


def test_an_edit_that_swaps_needs_one_side_only() -> None:
    """Positive strengths move each class to the other; the damage on the negative side is of no interest."""
    before = answers()
    sign = np.where(before.z == 0, 1.0, -1.0)
    h = np.array([before.h + s * sign * before.gap for s in STRENGTHS])
    assert scored(0.1, swept(h, [0.0, 0.0, 0.0, 0.2, 0.4]), before).value == pytest.approx(1.0)


def test_a_sweep_that_does_not_reach_the_damage_is_not_scored() -> None:
    before = answers()
    found = scored(0.1, swept(pushed(before), [0.02, 0.01, 0.0, 0.01, 0.02]), before)
    assert found.status == "not scored"
    assert found.reason == "the damage runs from 0 to 0.02 nats for positive strengths and does not cross 0.1"
    assert scored(0.1, swept(pushed(before), [0.52, 0.51, 0.5, 0.51, 0.52]), before).status == "not scored"
    still = np.array([before.h] * len(STRENGTHS))
    assert scored(0.1, swept(still, [0.02, 0.01, 0.0, 0.01, 0.02]), before).status == "not scored"


def test_a_weakest_strength_that_is_far_too_dear_has_no_effect_at_the_damage() -> None:
    before = answers()
    found = scored(0.1, swept(pushed(before), [4.0, 2.0, 0.0, 2.0, 4.0]), before)
    assert found.status == "not scored"
    assert found.reason is not None
    assert "the weakest strength, 1, costs 2 nats" in found.reason
    assert "scale the edit down" in found.reason
    # Twenty times the level between two strengths that are not 0 is a crossing all the same.
    assert scored(0.1, swept(pushed(before), [2.0, 0.05, 0.0, 0.05, 2.0]), before).status == "ok"


def test_what_a_broken_subject_says_does_not_count() -> None:
    """Far beyond the damage asked for the answers may be anything, also those of the other direction."""
    before = answers()
    h = pushed(before)
    h[0] = before.h + 50 * before.gap
    assert scored(0.1, swept(h, [9.0, 0.2, 0.0, 0.2, 0.4]), before).value == pytest.approx(1.0)


def test_a_side_that_ends_before_the_damage_is_not_replaced_by_the_other() -> None:
    before = answers()
    found = scored(0.1, swept(pushed(before), [0.4, 0.2, 0.0, 0.01, 0.02]), before)
    assert found.status == "not scored"
    assert "for positive strengths" in found.reason


def test_documents_that_disagree_about_the_damage_widen_the_interval() -> None:
    """With equal documents the strength is certain; otherwise the effect is as uncertain as one over the damage.

    At 0.1 nats the effect is 0.5 / c, where c is the cost of a unit: of the mean of 20 shares, whose standard error
    is 0.5 / sqrt(20) of it.
    """
    before = answers(noise=0.0)
    shares = np.repeat([0.5, 1.5], DOCUMENTS // 2)
    costs = [0.4, 0.2, 0.0, 0.2, 0.4]
    certain = scored(0.1, swept(pushed(before), costs), before)
    assert width(certain) == pytest.approx(0.0, abs=1e-9)
    found = scored(0.1, swept(pushed(before), costs, shares), before)
    assert found.value == pytest.approx(1.0)
    error = 0.5 / np.sqrt(DOCUMENTS)
    assert width(found) == pytest.approx(2 * 2.09 * error, rel=0.2)  # 2.09: of Student's t for 20 documents
    assert found.low is not None
    assert found.low == pytest.approx(1 / (1 + 2.09 * error), rel=0.05)


def test_the_answers_count_beside_the_documents() -> None:
    """Two independent sources of error add up in squares."""
    before = answers()
    shares, costs = np.repeat([0.5, 1.5], DOCUMENTS // 2), [0.4, 0.2, 0.0, 0.2, 0.4]
    of_answers = width(scored(0.1, swept(pushed(before, noise=8.0), costs), before))
    of_documents = width(scored(0.1, swept(pushed(before), costs, shares), before))
    both = width(scored(0.1, swept(pushed(before, noise=8.0), costs, shares), before))
    assert of_answers > 0.3
    assert both == pytest.approx(np.hypot(of_answers, of_documents), rel=0.15)


def test_the_interval_covers_the_effect_at_the_true_damage() -> None:
    """Of the intervals of 60 drawn corpora nearly all hold the effect that all documents there are would give."""
    before = answers(noise=0.0)
    rng = np.random.default_rng(5)
    tokens = np.full(DOCUMENTS, 50)
    held = 0
    for _ in range(60):
        damage = np.outer([0.4, 0.2, 0.0, 0.2, 0.4], tokens * (1 + 0.4 * rng.standard_normal(DOCUMENTS)))
        found = scored(0.1, Swept(STRENGTHS, pushed(before), damage, tokens), before)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 1.0 <= found.high
    assert 52 <= held <= 59


def test_draws_that_do_not_cross_leave_the_interval_open() -> None:
    """Just below the damage at the last strength, a quarter of the draws stay below the level; far below it, few do."""
    before = answers(noise=0.0)
    shares = np.repeat([0.5, 1.5], DOCUMENTS // 2)
    found = scored(0.38, swept(pushed(before), [0.4, 0.2, 0.0, 0.2, 0.4], shares), before)
    assert found.status == "not scored"
    assert found.reason.startswith("the damage does not cross 0.38 on 0.2")
    assert found.reason.endswith("of the draws, more than an interval's end leaves out")
    assert scored(0.25, swept(pushed(before), [0.4, 0.2, 0.0, 0.2, 0.4], shares), before).status == "ok"


def test_neither_the_order_of_documents_nor_that_of_entities_matters() -> None:
    before = answers()
    sweep = swept(pushed(before, noise=4.0), [0.4, 0.2, 0.0, 0.2, 0.4], np.linspace(0.5, 1.5, DOCUMENTS))
    rows, documents = (np.random.default_rng(3).permutation(n) for n in (len(before.h), DOCUMENTS))
    other = Swept(STRENGTHS, sweep.h[:, rows], sweep.damage[:, documents], sweep.tokens[documents])
    mixed = Answers(before.h[rows], before.z[rows], before.groups[rows])
    one, two = scored(0.1, sweep, before), scored(0.1, other, mixed)
    assert (one.value, one.low, one.high) == pytest.approx((two.value, two.low, two.high), rel=1e-12)


def test_a_sweep_of_uneven_parts_is_refused() -> None:
    before = answers()
    with pytest.raises(ValueError, match="5 strengths, 4 of h"):
        Swept(STRENGTHS, pushed(before)[1:], np.zeros((5, DOCUMENTS)), np.ones(DOCUMENTS, dtype=np.int64))
