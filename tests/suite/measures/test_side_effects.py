"""Side effects by hand."""

from __future__ import annotations

import numpy as np
import pytest

from interpmark.suite.measures import Answered, side_effects

N = 80
GROUPS = np.arange(N) // 2


def answered(concept: str, kept: float, mean: float = 2.0) -> Answered:
    before = mean + 0.3 * np.random.default_rng(0).standard_normal(N)
    return Answered(concept, before, kept * before + 0.1 * np.random.default_rng(1).standard_normal(N), GROUPS)


def test_the_largest_effect_counts_whichever_way_it_goes() -> None:
    (found,), examples = side_effects([answered("number", 0.9), answered("tense", 1.4)])
    assert found.value == pytest.approx(0.4, abs=0.03)
    assert 0 < found.low < found.value < found.high
    assert examples["side_effect_concepts"] == ["number", "tense"]
    values = [value for value, _, _ in examples["side_effect_values"]]
    assert values == pytest.approx([0.1, -0.4], abs=0.03)
    assert np.shape(examples["side_effect_g_after"]) == np.shape(examples["groups_side_effect"]) == (2, N)


def test_an_effect_that_may_be_none_has_an_interval_from_zero() -> None:
    (found,), _ = side_effects([answered("number", 1.0)])
    assert found.low == 0.0


def test_a_concept_that_the_subject_does_not_show_has_no_effect() -> None:
    (found,), examples = side_effects([answered("number", 0.5, mean=0.0), answered("tense", 0.8)])
    assert found.value == pytest.approx(0.2, abs=0.03)
    assert examples["side_effect_values"][0] is None
    assert "not clearly above 0" in examples["side_effect_reasons"][0]
    (alone,), _ = side_effects([])
    assert alone.reason == "the run has no other concept with a behavior"
