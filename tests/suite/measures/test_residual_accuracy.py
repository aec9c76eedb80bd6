"""Residual accuracy: the truth lies in the interval, a better eraser scores better, a reseed is within the noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
import torch

from interpmark.reports.estimate import Estimate
from interpmark.suite.ground import Split
from interpmark.suite.measures import residual_accuracy, smallest_guard, train_readers, unedited_accuracy
from interpmark.suite.measures.residual_accuracy import guard_residual


def by_name(estimates: list[Estimate]) -> dict[str, Estimate]:
    return {one.measure: one for one in estimates}


def guarded(splits: dict[str, Split], n_rows: int | None = None) -> dict[str, Split]:
    """The splits after the smallest guard of the first rows of `fit`; of all of them by default."""
    fit = splits["fit"]
    guard = smallest_guard(Split(fit.x[:n_rows], fit.z[:n_rows], fit.groups[:n_rows]))
    return {
        name: replace(one, x=one.x - ((one.x - guard.center) @ guard.read) @ guard.write.T)
        for name, one in splits.items()
    }


@pytest.fixture
def splits(make_splits: Callable) -> dict[str, Split]:
    return make_splits(rows=(2000, 800, 1200, 400))


def test_planted_accuracy_and_information_lie_in_their_intervals(splits: dict[str, Split]) -> None:
    found = by_name(residual_accuracy(splits, splits["fit"])[0])
    bayes = NormalDist().cdf(1.5)
    assert found["residual_accuracy"].low <= bayes <= found["residual_accuracy"].high
    margin = 4.5 + 3 * torch.randn(400_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    information = np.log(2) - float(torch.nn.functional.softplus(-margin).mean())
    assert found["linear_information"].low <= information <= found["linear_information"].high
    assert found["residual_accuracy_transfer"].low <= bayes <= found["residual_accuracy_transfer"].high
    assert found["residual_accuracy_transfer"].n == 400
    assert found["majority_rate"].value == 0.5
    assert found["guard_residual"].value == 1.0


def test_value_is_that_of_the_strongest_adversary(splits: dict[str, Split]) -> None:
    estimates, examples = residual_accuracy(splits, splits["fit"])
    correct = np.array(examples["residual_correct"])
    assert correct.shape == (6, 1200)
    assert len(examples["adversary_names"]) == 6
    assert by_name(estimates)["residual_accuracy"].value == correct.mean(axis=1).max()
    gained = np.array(examples["prior_loss"]) - np.array(examples["adversary_loss"])
    assert by_name(estimates)["linear_information"].value == pytest.approx(gained.mean(axis=1).max())
    assert np.array(examples["residual_correct_transfer"]).shape == (6, 400)


def test_a_perfect_guard_leaves_chance_and_an_exact_zero(splits: dict[str, Split]) -> None:
    estimates, examples = residual_accuracy(guarded(splits), splits["fit"])
    found = by_name(estimates)
    assert found["residual_accuracy"].value < 0.56
    assert found["linear_information"].value < 0.01
    guard = found["guard_residual"]
    assert 0 <= guard.value < 1e-10
    assert guard.low == guard.value == guard.high
    assert 0 <= examples["guard_class_mean_gap"][0] < 1e-10


def test_a_better_eraser_scores_better(splits: dict[str, Split]) -> None:
    edits = [splits, guarded(splits, 60), guarded(splits)]
    found = [by_name(residual_accuracy(edited, splits["fit"])[0]) for edited in edits]
    for name in ("residual_accuracy", "linear_information", "guard_residual"):
        worse, middle, better = (one[name] for one in found)
        assert worse.low > middle.high
        assert middle.low > better.high


@pytest.mark.parametrize("n_rows", [0, 60, 2000])
def test_a_reseed_moves_a_score_less_than_its_interval(splits: dict[str, Split], n_rows: int) -> None:
    edited = guarded(splits, n_rows) if n_rows else splits
    first = by_name(residual_accuracy(edited, splits["fit"], seed=0)[0])
    for seed in (1, 2, 3):
        again = by_name(residual_accuracy(edited, splits["fit"], seed=seed)[0])
        for name in ("residual_accuracy", "linear_information"):
            width = first[name].high - first[name].low
            assert abs(again[name].value - first[name].value) <= width / 2


def test_unedited_accuracy_is_residual_accuracy_of_the_identity(splits: dict[str, Split]) -> None:
    estimates, examples = unedited_accuracy(splits)
    assert [one.measure for one in estimates] == ["unedited_accuracy", "majority_rate"]
    assert list(examples) == ["unedited_correct"]
    same = by_name(residual_accuracy(splits, splits["fit"])[0])["residual_accuracy"]
    assert (estimates[0].value, estimates[0].low, estimates[0].high) == (same.value, same.low, same.high)


@pytest.mark.parametrize("kind", ["classes", "continuous"])
def test_adversaries_that_are_trained_already_read_the_same(splits: dict[str, Split], kind: str) -> None:
    given = splits if kind == "classes" else continuous(splits)
    readers = train_readers(given)
    assert residual_accuracy(given, given["fit"], 0, readers) == residual_accuracy(given, given["fit"])
    assert unedited_accuracy(given, 0, readers) == unedited_accuracy(given)
    other = {name: replace(one, x=-one.x.roll(1, 0)) for name, one in given.items()}
    estimates = [residual_accuracy(other, given["fit"], 0, them)[0][0] for them in (readers, None)]
    assert estimates[0] != estimates[1], "whoever is given is asked"


def test_full_ablation_leaves_the_majority_rate(splits: dict[str, Split], apply_edit: Callable) -> None:
    ablated = apply_edit(splits, lambda x: torch.full_like(x, 0.7))
    found = by_name(residual_accuracy(ablated, splits["fit"])[0])
    assert found["residual_accuracy"].value == found["majority_rate"].value == 0.5
    assert found["residual_accuracy"].low < 0.5 < found["residual_accuracy"].high
    assert found["linear_information"].value == pytest.approx(0, abs=1e-9)
    assert found["guard_residual"].value < 1e-12


def test_perfectly_read_concepts_have_an_interval_below_one(make_splits: Callable) -> None:
    easy = make_splits(distance=30.0, rows=(200, 100, 80))
    found = by_name(residual_accuracy(easy, easy["fit"])[0])["residual_accuracy"]
    assert found.value == found.high == 1.0
    assert 0.7 < found.low < 1.0


def test_the_guard_residual_is_relative_and_does_not_depend_on_class_names(splits: dict[str, Split]) -> None:
    fit = splits["fit"]
    means = torch.stack([fit.x[fit.z == label].mean(dim=0) for label in range(2)])
    # Each class moves 35 % of the way to the other: 30 % of the gap is left, whatever the rows look like.
    moved = fit.x + 0.35 * (means.flip(0) - means)[fit.z]
    for scale, labels in ((1.0, fit.z), (1e6, 1 - fit.z)):
        estimates, examples = guard_residual(
            replace(fit, x=scale * fit.x, z=labels), replace(fit, x=scale * moved, z=labels)
        )
        assert estimates[0].value == pytest.approx(0.3)
        assert examples["guard_class_mean_gap"] == pytest.approx([0.3])


def test_a_single_class_has_no_guard_residual(splits: dict[str, Split]) -> None:
    single = replace(splits["fit"], z=torch.zeros_like(splits["fit"].z))
    assert guard_residual(single, single)[0][0].status == "not scored"


def continuous(splits: dict[str, Split], noise: float = 1.0) -> dict[str, Split]:
    g = torch.Generator().manual_seed(9)
    direction = torch.randn(24, 2, generator=g, dtype=torch.float64)
    spread = (splits["test"].x @ direction).std(dim=0)
    return {
        name: replace(
            one, z=one.x @ direction / spread + noise * torch.randn(len(one), 2, generator=g, dtype=torch.float64)
        )
        for name, one in splits.items()
    }


def test_continuous_labels_are_scored_by_r2(splits: dict[str, Split]) -> None:
    values = continuous(splits)
    estimates, examples = residual_accuracy(values, values["fit"])
    found = by_name(estimates)
    assert found["residual_accuracy"].unit == "R2"
    assert found["residual_accuracy"].low <= 0.5 <= found["residual_accuracy"].high
    assert found["residual_accuracy_transfer"].status == "ok"
    assert found["majority_rate"].value == 0.0
    assert found["linear_information"].status == "not scored"
    assert np.array(examples["residual_squared_error"]).shape == (2, 2, 1200)
    after = by_name(residual_accuracy(guarded(values), values["fit"])[0])
    assert after["residual_accuracy"].value == pytest.approx(0, abs=0.03)
    assert after["guard_residual"].value < 1e-10
    assert unedited_accuracy(values)[0][0].value == found["residual_accuracy"].value


def test_one_entity_in_test_is_not_scored_and_says_why(splits: dict[str, Split]) -> None:
    splits["test"] = replace(splits["test"], groups=np.zeros(1200, dtype=np.int64))
    found = by_name(residual_accuracy(splits, splits["fit"])[0])["residual_accuracy"]
    assert found.status == "not scored"
    assert "one group" in found.reason


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["fit", "probe", "test", "transfer"])
def test_numbers_that_are_not_finite_are_an_error(splits: dict[str, Split], name: str, value: float) -> None:
    x = splits[name].x.clone()
    x[3, 2] = value
    with pytest.raises(ValueError, match=f"split '{name}': 1 of .* NaN or infinite"):
        residual_accuracy({**splits, name: replace(splits[name], x=x)}, splits["fit"])


def test_malformed_splits_are_an_error(splits: dict[str, Split]) -> None:
    with pytest.raises(ValueError, match="missing split 'probe'"):
        residual_accuracy({"fit": splits["fit"], "test": splits["test"]}, splits["fit"])
    with pytest.raises(ValueError, match="split 'test': expected x"):
        residual_accuracy({**splits, "test": replace(splits["test"], z=splits["test"].z[:-1])}, splits["fit"])
    with pytest.raises(ValueError, match="split 'test' has no rows"):
        empty = Split(splits["test"].x[:0], splits["test"].z[:0], splits["test"].groups[:0])
        residual_accuracy({**splits, "test": empty}, splits["fit"])


def test_inputs_are_left_as_they_were(splits: dict[str, Split]) -> None:
    before = {name: one.x.clone() for name, one in splits.items()}
    residual_accuracy(splits, splits["fit"])
    assert all(torch.equal(before[name], one.x) for name, one in splits.items())
