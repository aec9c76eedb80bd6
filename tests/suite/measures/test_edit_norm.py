"""Edit norms by hand, and the smallest guard that they are compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from interpmark.suite.ground import Split
from interpmark.suite.measures import edit_norm, edit_norm_off_target, smallest_guard


def by_name(scored: tuple) -> dict:
    return {one.measure: one for one in scored[0]}


def removed(split: Split, guard: object) -> Split:
    return replace(split, x=split.x - ((split.x - guard.center) @ guard.read) @ guard.write.T)


def test_edit_norm_by_hand() -> None:
    x = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [0.0, -2.0]], dtype=torch.float64) + 10
    z = torch.tensor([0, 1, 0, 1])
    before = Split(x, z, np.arange(4))
    after = replace(before, x=x + torch.tensor([0.5, 0.0]))
    estimates, examples = edit_norm(before, after, before)
    # Every row moves by 0.25; the total variance is (1 + 1 + 4 + 4) / 4.
    assert estimates[0].value == pytest.approx(0.25 / 2.5)
    assert examples["edit_squared_size"] == pytest.approx([0.25] * 4)
    assert examples["squared_deviation"] == pytest.approx([1, 1, 4, 4])
    assert estimates[0].n == 4


def test_identity_is_zero_and_the_mean_is_one(make_splits: Callable) -> None:
    splits = make_splits()
    test = splits["test"]
    same = by_name(edit_norm(test, test, splits["fit"]))
    assert (same["edit_norm"].low, same["edit_norm"].value, same["edit_norm"].high) == (0, 0, 0)
    assert same["edit_excess"].value == 0
    ablated = replace(test, x=test.x.mean(dim=0).expand_as(test.x))
    assert by_name(edit_norm(test, ablated, splits["fit"]))["edit_norm"].value == pytest.approx(1)


@pytest.mark.parametrize("distance", [3.0, 0.01])
@pytest.mark.parametrize("n_classes", [2, 5])
def test_the_smallest_guard_has_excess_one_and_guards(make_splits: Callable, n_classes: int, distance: float) -> None:
    splits = make_splits(n_classes=n_classes, distance=distance)
    fit = splits["fit"]
    guard = smallest_guard(fit)
    edited = removed(fit, guard)
    assert by_name(edit_norm(fit, edited, fit))["edit_excess"].value == pytest.approx(1, abs=1e-12)
    means = [edited.x[fit.z == label].mean(dim=0) for label in range(n_classes)]
    assert max(float((mean - means[0]).norm()) for mean in means) < 1e-11 * float(fit.x.std())
    assert guard.read.shape == (24, n_classes - 1)
    assert edited.x.mean(dim=0).numpy() == pytest.approx(fit.x.mean(dim=0).numpy(), abs=1e-11)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_affine_guard_is_smaller(make_splits: Callable, seed: int) -> None:
    fit = make_splits(n_classes=3)["fit"]
    guard = smallest_guard(fit)
    g = torch.Generator().manual_seed(seed)
    # Any reader that sends the removed directions to themselves makes a guard with the same range.
    twist = torch.randn(24, 2, generator=g, dtype=torch.float64) * 0.05
    twist = twist - guard.read @ (guard.write.T @ twist)
    assert (guard.write.T @ twist).abs().max() < 1e-12
    other = replace(guard, read=guard.read + twist)
    edited = removed(fit, other)
    means = torch.stack([edited.x[fit.z == label].mean(dim=0) for label in range(3)])
    assert float((means - means[0]).abs().max()) < 1e-10
    assert by_name(edit_norm(fit, edited, fit, guard=guard))["edit_excess"].value > 1.0001


def test_a_rare_class_and_redundant_labels_are_guarded(make_splits: Callable) -> None:
    split = make_splits(n_classes=2, rows=(2000, 4, 4))["fit"]
    rare = torch.where(torch.arange(2000) < 1998, 0, 1)
    x = split.x + 30 * rare[:, None]
    edited = removed(Split(x, rare, split.groups), smallest_guard(Split(x, rare, split.groups)))
    assert float((edited.x[-2:].mean(dim=0) - edited.x[:-2].mean(dim=0)).abs().max()) < 1e-9
    values = split.z.double()[:, None].repeat(1, 3) * torch.tensor([1.0, 0.01, 0.0])
    assert smallest_guard(replace(split, z=values)).read.shape == (24, 1)


def test_the_unit_of_a_label_does_not_matter(make_splits: Callable) -> None:
    split = make_splits()["fit"]
    labels = split.x[:, :2] + torch.randn(800, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    guard = smallest_guard(replace(split, z=labels * torch.tensor([1.0, 1e-12])))
    assert guard.read.shape == (24, 2)
    same = smallest_guard(replace(split, z=labels))
    assert (guard.read @ guard.write.T).numpy() == pytest.approx((same.read @ same.write.T).numpy(), abs=1e-9)


def test_fewer_rows_than_features_are_guarded_where_fitted(make_splits: Callable) -> None:
    fit = make_splits(d=100, rows=(40, 4, 4))["fit"]
    edited = removed(fit, smallest_guard(fit))
    gap = edited.x[fit.z == 0].mean(dim=0) - edited.x[fit.z == 1].mean(dim=0)
    assert float(gap.abs().max()) < 1e-9


def test_the_smallest_guard_does_not_depend_on_the_number_of_threads() -> None:
    rng = torch.Generator().manual_seed(0)
    x, z = torch.randn(1200, 576, generator=rng), torch.arange(1200) % 2
    fit, before = Split(x, z, np.arange(1200)), torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(smallest_guard(fit))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0].read, found[1].read)
    assert torch.equal(found[0].write, found[1].write)


def test_nothing_to_compare_with_is_not_scored() -> None:
    flat = Split(torch.ones(8, 3, dtype=torch.float64), torch.arange(8) % 2, np.arange(8))
    found = by_name(edit_norm(flat, replace(flat, x=flat.x + 1), flat))
    assert found["edit_norm"].status == "not scored"
    assert "all equal" in found["edit_norm"].reason
    assert found["edit_excess"].status == "not scored"


def test_off_target_norm_is_clustered_by_document() -> None:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(60, 4, generator=g, dtype=torch.float64)
    documents = np.repeat([7, 3, 5, 4, 1, 2], 10)
    after = x + torch.as_tensor((documents == 7) * 1.0)[:, None]
    estimates, examples = edit_norm_off_target(x, after, documents)
    total = float((x - x.mean(dim=0)).square().sum())
    assert estimates[0].value == pytest.approx(40 / total)
    assert examples["document_edit_squared_size"] == pytest.approx([0, 0, 0, 0, 0, 40])
    assert sum(examples["document_squared_deviation"]) == pytest.approx(total)
    # One document of six carries the whole edit: draws without it have an edit of 0.
    assert estimates[0].low == pytest.approx(0, abs=1e-12)
    singly = edit_norm_off_target(x, after, np.arange(60))[0][0]
    assert singly.high - singly.low < estimates[0].high - estimates[0].low


def test_bad_input_is_an_error(make_splits: Callable) -> None:
    splits = make_splits(rows=(40, 8, 40))
    test = splits["test"]
    broken = replace(test, x=torch.where(torch.arange(24) == 3, torch.nan, test.x))
    with pytest.raises(ValueError, match="split 'test': 40 of 960 values are NaN"):
        edit_norm(test, broken, splits["fit"])
    with pytest.raises(ValueError, match="keeps the shape"):
        edit_norm(test, replace(test, x=test.x[:, :5]), splits["fit"])
    with pytest.raises(ValueError, match="neutral activations: 24 of"):
        edit_norm_off_target(test.x, test.x / torch.where(torch.arange(40) == 1, 0, 1)[:, None], test.groups)
