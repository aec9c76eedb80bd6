"""Steering effects on answers whose log-odds are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interpmark.suite.measures import Answers, log_odds, steering_effect

GAP = 6.0


def answers(n: int = 80, noise: float = 0.3, bias: float = 0.0) -> Answers:
    """Classes 0 and 1 by turns, `GAP` nats apart; two prompts an entity."""
    z = np.arange(n) // 2 % 2
    h = GAP * (z - 0.5) + bias + noise * np.random.default_rng(0).standard_normal(n)
    return Answers(h, z, np.arange(n) // 2)


def effects(before: Answers, towards: np.ndarray, away: np.ndarray) -> dict[str, float | None]:
    found, _ = steering_effect(before, towards, away)
    return {estimate.measure.removeprefix("steering_effect").strip("_"): estimate.value for estimate in found}


def test_the_scale_is_that_of_behavior_effect() -> None:
    before = answers()
    assert effects(before, before.h, before.h) == {"": 0.0, "towards": 0.0, "away": 0.0}
    # each class answers as the other did
    swapped = effects(before, before.h + before.gap, before.h - before.gap)
    assert swapped == pytest.approx({"": 2.0, "towards": 2.0, "away": 2.0})
    even = effects(before, before.h + before.gap / 2, before.h - before.gap / 2)
    assert even == pytest.approx({"": 1.0, "towards": 1.0, "away": 1.0})


def test_an_edit_that_only_pushes_one_way_is_seen_to() -> None:
    before = answers()
    pushed = before.h + before.gap
    found = effects(before, pushed, pushed)
    assert found == pytest.approx({"": 0.0, "towards": 2.0, "away": -2.0})


def test_each_direction_is_scored_on_the_other_class() -> None:
    """What an edit does to prompts that it is not meant for has no part in the effect."""
    before = answers()
    towards = np.where(before.z == 0, before.h + before.gap, -1e3)
    away = np.where(before.z == 1, before.h - before.gap, 1e3)
    assert effects(before, towards, away) == pytest.approx({"": 2.0, "towards": 2.0, "away": 2.0})


def test_answers_that_one_class_is_given_whatever_the_prompt_do_not_matter() -> None:
    plain, biased = answers(), answers(bias=4.0)
    moved = {"towards": 2.5, "away": -1.5}
    one = effects(plain, plain.h + moved["towards"], plain.h + moved["away"])
    two = effects(biased, biased.h + moved["towards"], biased.h + moved["away"])
    assert one == pytest.approx(two)


def test_no_effect_without_a_gap() -> None:
    before = answers(noise=40.0)
    found, _ = steering_effect(before, before.h, before.h)
    assert {estimate.status for estimate in found} == {"not scored"}
    assert "not clearly above 0" in found[0].reason


def test_the_interval_covers_the_truth() -> None:
    before = answers(noise=1.0)
    rng = np.random.default_rng(1)
    noisy = [before.h + sign * GAP / 2 + rng.standard_normal(len(before.h)) for sign in (1, -1)]
    (both, *_), examples = steering_effect(before, *noisy)
    assert both.low is not None
    assert both.high is not None
    assert both.low < 1.0 < both.high
    assert both.high - both.low < 0.5
    assert len(examples["steering_h_after"]) == len(before.h)


def test_log_odds_sum_a_class_answers() -> None:
    log_probs = torch.log(torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]]))
    h = log_odds(log_probs, [torch.tensor([0]), torch.tensor([2, 3])])
    np.testing.assert_allclose(h, np.log([7.0, 2.0]), rtol=1e-6)
    with pytest.raises(ValueError, match="two classes; there are answers of 3"):
        log_odds(log_probs, [torch.tensor([0])] * 3)


def test_answers_of_one_class_are_refused() -> None:
    with pytest.raises(ValueError, match="the classes are 0 and 1, not"):
        Answers(np.zeros(3), np.zeros(3, dtype=np.int64), np.arange(3))
