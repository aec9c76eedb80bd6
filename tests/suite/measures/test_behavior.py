"""Behavior change, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interpmark.reports.estimate import Estimate
from interpmark.suite.measures import (
    behavior,
    behavior_change,
    behavior_change_transfer,
    behavior_off_target,
    class_offsets,
    facts_change,
)

ANSWERS = (torch.tensor([1, 2]), torch.tensor([3]), torch.tensor([5, 6]))
VOCABULARY = 8


def by_name(estimates: list[Estimate]) -> dict[str, Estimate]:
    return {one.measure: one for one in estimates}


def log_probs(n: int, own: torch.Tensor, strength: float, seed: int = 0) -> torch.Tensor:
    """Next-token distributions that favour the answers of class `own`."""
    logits = 0.3 * torch.randn(n, VOCABULARY, generator=torch.Generator().manual_seed(seed))
    for row, label in enumerate(own.tolist()):
        logits[row, ANSWERS[label]] += strength
    return torch.log_softmax(logits, dim=1)


@pytest.fixture
def z() -> torch.Tensor:
    return torch.arange(60) % 2


@pytest.fixture
def groups() -> np.ndarray:
    return np.arange(60) // 3


def test_g_effect_and_flips_by_hand() -> None:
    p = torch.tensor([[0.1, 0.2, 0.3, 0.1, 0.3], [0.1, 0.1, 0.1, 0.5, 0.2], [0.2, 0.1, 0.1, 0.4, 0.2]])
    q = torch.tensor([[0.1, 0.1, 0.1, 0.5, 0.2], [0.1, 0.1, 0.1, 0.5, 0.2], [0.2, 0.2, 0.2, 0.2, 0.2]])
    z = torch.tensor([0, 1, 1])
    estimates, examples = behavior_change(p.log(), q.log(), ANSWERS[:2], z, np.arange(3))
    before = np.log([0.5 / 0.1, 0.5 / 0.2, 0.4 / 0.2])
    after = np.log([0.2 / 0.5, 0.5 / 0.2, 0.2 / 0.4])
    assert examples["behavior_g_before"] == pytest.approx(before, rel=1e-6)
    assert examples["behavior_g_after"] == pytest.approx(after, rel=1e-6)
    found = by_name(estimates)
    assert found["behavior_effect"].value == pytest.approx(1 - after.sum() / before.sum(), rel=1e-6)
    assert found["behavior_unedited"].value == pytest.approx(before.mean(), rel=1e-6)
    assert found["behavior_flip_rate"].value == pytest.approx(2 / 3)
    assert examples["behavior_own_before"] == [1, 1, 1]
    assert examples["behavior_own_after"] == [0, 1, 0]
    assert examples["behavior_tv"] == pytest.approx([0.4, 0.0, 0.2], abs=1e-6)
    assert found["behavior_tv_on_target"].value == pytest.approx(0.6 / 3, abs=1e-6)


def test_untouched_is_zero_swapped_is_two_and_erased_is_one(z: torch.Tensor, groups: np.ndarray) -> None:
    before = log_probs(60, z, 3.0)
    swap = before[:, [0, 3, 2, 1, 4, 5, 6, 7]]
    single = (torch.tensor([1]), torch.tensor([3]))
    same = by_name(behavior_change(before, before, single, z, groups)[0])
    assert (same["behavior_effect"].low, same["behavior_effect"].value, same["behavior_effect"].high) == (0, 0, 0)
    assert same["behavior_flip_rate"].value == 0
    assert 0 < same["behavior_flip_rate"].high < 0.5
    assert same["behavior_tv_on_target"].value == 0
    swapped = by_name(behavior_change(before, swap, single, z, groups)[0])
    assert swapped["behavior_effect"].value == pytest.approx(2, abs=1e-6)
    assert swapped["behavior_flip_rate"].value == 1
    flat = torch.full_like(before, 1 / VOCABULARY).log()
    erased = by_name(behavior_change(before, flat, single, z, groups)[0])
    assert erased["behavior_effect"].value == pytest.approx(1, abs=1e-6)


def test_every_other_class_counts_alike_against_the_own_one() -> None:
    z = torch.arange(60) % 3
    p = log_probs(60, z, 2.0)
    _, examples = behavior_change(p, p, ANSWERS, z, np.arange(60))
    for row in (0, 1, 2):
        score = [float(p[row].exp()[answers].sum().log()) for answers in ANSWERS]
        expected = score[row] - (sum(score) - score[row]) / 2
        assert examples["behavior_g_before"][row] == pytest.approx(expected, abs=1e-5)


def test_erasing_one_of_three_classes_apart_has_an_effect_of_one() -> None:
    z = torch.arange(60) % 3
    before = log_probs(60, z, 2.0)
    after = before.mean(dim=0, keepdim=True).expand_as(before).log_softmax(-1)  # The same for every prompt.
    found = by_name(behavior_change(before, after, ANSWERS, z, np.arange(60))[0])["behavior_effect"]
    assert found.value == pytest.approx(1, abs=1e-5)


def test_centring_takes_away_what_a_template_likes_whatever_the_prompt_says() -> None:
    z, templates = torch.arange(60) % 3, np.arange(60) // 30
    plain = log_probs(60, z, 2.0)
    liked = plain.clone()
    liked[:30, ANSWERS[0]] += 4.0  # The first template likes the answers of class 0, the second those of class 2.
    liked[30:, ANSWERS[2]] += 4.0
    liked = liked.log_softmax(-1)
    own = {}
    for name, offsets in (("raw", None), ("centred", class_offsets(liked, ANSWERS, z, templates))):
        _, examples = behavior_change(liked, liked, ANSWERS, z, np.arange(60), offsets=offsets)
        own[name] = np.mean(examples["behavior_own_before"])
    assert own["raw"] < 0.4
    assert own["centred"] > 0.95


def test_centring_leaves_the_mean_of_g_as_it_is() -> None:
    z, templates = torch.arange(60) % 3, np.zeros(60, dtype=np.int64)
    p = log_probs(60, z, 2.0)
    means = [
        np.mean(behavior_change(p, p, ANSWERS, z, np.arange(60), offsets=offsets)[1]["behavior_g_before"])
        for offsets in (None, class_offsets(p, ANSWERS, z, templates))
    ]
    assert means[1] == pytest.approx(means[0], abs=1e-6)


def test_facts_compare_the_right_answer_with_the_wrong_one() -> None:
    p = torch.tensor([[0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.5, 0.4, 0.1]]).log()
    q = torch.tensor([[0.3, 0.4, 0.3], [0.6, 0.2, 0.2], [0.5, 0.4, 0.1]]).log()
    right, wrong = torch.tensor([1, 2, 0]), torch.tensor([0, 0, 1])
    estimates, examples = facts_change(p, q, right, wrong, np.arange(3))
    before, after = np.log([6, 3, 1.25]), np.log([4 / 3, 1 / 3, 1.25])
    assert examples["behavior_g_before"] == pytest.approx(before, rel=1e-5)
    assert examples["behavior_g_after"] == pytest.approx(after, rel=1e-5)
    found = by_name(estimates)
    assert found["behavior_flip_rate"].value == pytest.approx(1 / 3)
    assert found["behavior_tv_on_target"].value == pytest.approx((0.2 + 0.4 + 0) / 3, abs=1e-6)


def test_flips_count_only_prompts_that_were_right(z: torch.Tensor, groups: np.ndarray) -> None:
    before, after = log_probs(60, z, 4.0), log_probs(60, z, 4.0)
    wrong = torch.arange(60) < 6
    before[wrong] = log_probs(60, 1 - z, 4.0)[wrong]  # wrong before, right after: no flip
    lost = torch.arange(60) >= 33
    after[lost] = log_probs(60, 1 - z, 4.0)[lost]
    found = by_name(behavior_change(before, after, ANSWERS[:2], z, groups)[0])["behavior_flip_rate"]
    assert (found.value, found.n) == (0.5, 54)


def test_a_subject_without_the_behavior_is_not_scored(z: torch.Tensor, groups: np.ndarray) -> None:
    p = log_probs(60, z, 0.0)
    found = by_name(behavior_change(p, log_probs(60, z, 1.0), (torch.tensor([1]), torch.tensor([3])), z, groups)[0])
    assert found["behavior_effect"].status == "not scored"
    assert "not clearly above 0" in found["behavior_effect"].reason
    contrary = log_probs(60, 1 - z, 9.0)
    found = by_name(behavior_change(contrary, contrary, ANSWERS[:2], z, groups)[0])
    assert found["behavior_effect"].status == "not scored"
    assert found["behavior_flip_rate"].status == "not scored"
    assert "no prompt prefers" in found["behavior_flip_rate"].reason


def test_transfer_has_the_same_numbers_under_other_names(z: torch.Tensor, groups: np.ndarray) -> None:
    before, after = log_probs(60, z, 3.0), log_probs(60, z, 1.0, seed=1)
    here, examples = behavior_change(before, after, ANSWERS[:2], z, groups)
    there, examples_there = behavior_change_transfer(before, after, ANSWERS[:2], z, groups)
    assert [one.measure for one in there] == ["behavior_effect_transfer", "behavior_flip_rate_transfer"]
    assert [one.value for one in there] == [one.value for one in here[:2]]
    assert not set(examples) & set(examples_there)


def test_total_variation_by_hand_and_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    p = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.2, 0.3, 0.5]])
    q = torch.tensor([[0.25, 0.25, 0.5], [0.0, 0.0, 1.0], [0.2, 0.3, 0.5]])
    assert behavior.total_variation(p.log(), q.log()) == pytest.approx([0.5, 1.0, 0.0], abs=1e-7)
    many = log_probs(50, torch.zeros(50, dtype=torch.int64), 1.0)
    whole = behavior.total_variation(many, many.flip(0))
    monkeypatch.setattr("interpmark.suite.measures.inputs.CHUNK_BYTES", 8 * VOCABULARY * 7)
    assert behavior.total_variation(many, many.flip(0)).tolist() == whole.tolist()


def test_off_target_is_clustered_by_document() -> None:
    before = log_probs(40, torch.zeros(40, dtype=torch.int64), 1.0)
    after = before.clone()
    after[:10] = after[:10].flip(1)
    documents = np.arange(40) // 10
    estimates, examples = behavior_off_target(before, after, documents)
    assert estimates[0].measure == "behavior_tv_off_target"
    assert estimates[0].value == pytest.approx(np.mean(examples["behavior_tv_neutral"]))
    singly = behavior_off_target(before, after, np.arange(40))[0][0]
    assert singly.high - singly.low < estimates[0].high - estimates[0].low


def test_nan_is_an_error(z: torch.Tensor, groups: np.ndarray) -> None:
    before = log_probs(60, z, 3.0)
    broken = before.clone()
    broken[4, 0] = torch.nan
    with pytest.raises(ValueError, match="1 of 60 prompts hold NaN"):
        behavior_change(before, broken, ANSWERS[:2], z, groups)
    with pytest.raises(ValueError, match="1 of 60 prompts hold NaN"):
        behavior_off_target(broken, before, groups)
    broken[4] = torch.nan
    with pytest.raises(ValueError, match="an answer's log-probability is NaN"):
        behavior_change_transfer(before, broken, ANSWERS[:2], z, groups)


def test_bad_arguments_are_errors(z: torch.Tensor, groups: np.ndarray) -> None:
    p = log_probs(60, z, 3.0)
    with pytest.raises(ValueError, match="at least one answer token"):
        behavior_change(p, p, (torch.tensor([1]), torch.tensor([], dtype=torch.int64)), z, groups)
    with pytest.raises(ValueError, match="labels run to 2, answers are given for 2 classes"):
        behavior_change(p, p, ANSWERS[:2], z + 1, groups)
    with pytest.raises(ValueError, match="labels are continuous"):
        behavior_change(p, p, ANSWERS[:2], z.double(), groups)
    with pytest.raises(ValueError, match=r"expected before and after \[n, V\]"):
        behavior_change(p, p[:, :4], ANSWERS[:2], z, groups)
    with pytest.raises(ValueError, match="60 prompts and 2 groups"):
        behavior_off_target(p, p, groups[:2])
