"""What adversaries are trained on: coordinates that hide nothing and amplify no rounding, entities held out whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from interpmark.suite.ground import Split
from interpmark.suite.measures.training import training_set


def split_of(x: torch.Tensor, groups: np.ndarray | None = None, z: torch.Tensor | None = None) -> Split:
    n = len(x)
    return Split(x, torch.arange(n) % 2 if z is None else z, np.arange(n) if groups is None else groups)


@pytest.mark.parametrize(("n", "d"), [(200, 30), (40, 50), (30, 300)])
def test_coordinates_keep_every_inner_product(n: int, d: int) -> None:
    x = torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3 + 7
    rows = training_set(split_of(x), 0)
    standardised = (x - x.mean(dim=0)) / x.std(dim=0, correction=0)
    design = rows.design[:, :-1]
    assert (design @ design.T).numpy() == pytest.approx((standardised @ standardised.T).numpy(), abs=1e-9)
    assert design.shape[1] == min(n - 1, d)
    assert rows.n_features == d


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_rounding_errors_of_an_edit_are_not_scaled_up(dtype: torch.dtype) -> None:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(500, 10, generator=g, dtype=torch.float64) * 3 + 2
    x[:, 4] *= 1e-3  # small, but far above rounding: stays
    noise = torch.finfo(dtype).eps * torch.randn(500, generator=g, dtype=torch.float64)
    x[:, 7] = noise * 10  # what a projection leaves of a feature that it removes
    rows = training_set(split_of(x.to(dtype)), 0)
    kept = rows.coordinates.inverse_scale > 0
    assert kept.tolist() == [column != 7 for column in range(10)]


def test_constant_rows_leave_the_intercept_alone() -> None:
    rows = training_set(split_of(torch.full((20, 6), 1.7, dtype=torch.float64)), 0)
    assert rows.design.tolist() == [[1.0]] * 20
    assert rows.n_features == 0


def test_a_quarter_of_the_entities_is_held_out_whole_and_in_proportion(make_splits: Callable) -> None:
    split = make_splits(n_classes=3, rows=(600, 12, 12))["fit"]
    for seed in range(3, 8):
        held_out = training_set(split, seed).held_out.numpy()
        for entity in np.unique(split.groups):
            assert len(set(held_out[split.groups == entity])) == 1
        for label in range(3):
            assert held_out[split.z.numpy() == label].mean() == pytest.approx(0.25, abs=0.011)  # 12 or 13 of 50
    held_out = training_set(split, 3).held_out.numpy()
    assert (held_out != training_set(split, 4).held_out.numpy()).any()
    assert (held_out == training_set(split, 3).held_out.numpy()).all()


@pytest.mark.parametrize("seed", range(8))
def test_a_class_of_one_entity_is_never_held_out(seed: int) -> None:
    groups = np.repeat(np.arange(10), 4)
    z = torch.from_numpy((groups == 9).astype(np.int64))
    split = split_of(torch.randn(40, 3, dtype=torch.float64), groups, z)
    held_out = training_set(split, seed).held_out
    assert not held_out[z == 1].any()
    assert held_out.any()
