"""The nonlinear adversary sees what a linear one cannot, and is the same whenever it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from interpmark.suite.ground import Split
from interpmark.suite.measures import nonlinear_accuracy, residual_accuracy
from interpmark.suite.measures.nonlinear import NAME

Splits = dict[str, Split]


def widened(splits: Splits) -> Splits:
    """Class 1 three times as wide as class 0, the means equal."""
    return {
        name: replace(split, x=(split.x - 5) * torch.where(split.z == 1, 3.0, 1.0)[:, None])
        for name, split in splits.items()
    }


def test_classes_of_different_spread_are_told_apart(make_splits: Callable[..., Splits]) -> None:
    splits = widened(make_splits(distance=0.0, d=8))
    (found,), examples = nonlinear_accuracy(splits)
    linear = residual_accuracy(splits, splits["fit"])[0][0]
    assert found.measure == NAME
    assert found.low > 0.75 > 0.62 > linear.value
    assert sum(examples["nonlinear_correct"]) / found.n == found.value


def test_where_nothing_is_left_it_finds_nothing(make_splits: Callable[..., Splits]) -> None:
    (found,), _ = nonlinear_accuracy(make_splits(distance=0.0, d=8))
    assert found.low < 0.5 < found.high + 0.03


def test_it_depends_on_rows_and_seed_alone(make_splits: Callable[..., Splits]) -> None:
    splits = make_splits(distance=1.0, d=8, rows=(200, 100, 200))
    torch.manual_seed(1)
    first = nonlinear_accuracy(splits, seed=3)
    torch.manual_seed(2)
    assert nonlinear_accuracy(splits, seed=3) == first
    assert nonlinear_accuracy(splits, seed=4) != first


def test_continuous_labels_are_not_scored(make_splits: Callable[..., Splits]) -> None:
    splits = {name: replace(split, z=split.z.double()) for name, split in make_splits().items()}
    (found,), _ = nonlinear_accuracy(splits)
    assert (found.status, "continuous" in found.reason) == ("not scored", True)
