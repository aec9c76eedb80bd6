"""The panel finds what is there, finds nothing where nothing is, and depends on nothing that it should not."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import pytest
import torch

from interpmark.suite.ground import Split
from interpmark.suite.measures.adversaries import Panel, fit_panel, fit_regressors


def accuracies(panel: Panel, split: Split) -> list[float]:
    return panel.scores(split).correct.double().mean(dim=1).tolist()


def test_every_adversary_comes_near_the_bayes_accuracy(make_splits: Callable) -> None:
    splits = make_splits(distance=3.0)
    bayes = NormalDist().cdf(1.5)
    scores = fit_panel(splits, 0).scores(splits["test"])
    assert scores.names == tuple(
        f"{kind} on {rows}" for rows in ("probe", "fit+probe") for kind in ("logistic", "lda", "least-squares")
    )
    assert scores.correct.shape == (6, 1600)
    # 24 features, 400 and 1200 training rows: finite training costs the first three about 2 %.
    assert scores.correct.double().mean(dim=1).numpy() == pytest.approx(np.full(6, bayes), abs=0.03)


def test_log_loss_is_calibrated(make_splits: Callable) -> None:
    splits = make_splits(distance=3.0, rows=(4000, 400, 4000))
    scores = fit_panel(splits, 0).scores(splits["test"])
    # E log(1 + exp(-m)) for log-odds m of a Gaussian pair at distance 3, m ~ N(4.5, 9).
    margin = 4.5 + 3 * torch.randn(400_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    best = float(torch.nn.functional.softplus(-margin).mean())
    assert float(scores.log_loss[1].mean()) == pytest.approx(best, abs=0.012)
    assert scores.prior_loss.numpy() == pytest.approx(np.full((2, 4000), np.log(2)))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("value", [0.0, 1.3, -4e3])
def test_constant_rows_leave_the_majority(
    make_splits: Callable, apply_edit: Callable, n_classes: int, value: float
) -> None:
    splits = make_splits(n_classes=n_classes, rows=(404, 204, 400))
    constant = apply_edit(splits, lambda x: torch.full_like(x, value))
    scores = fit_panel(constant, 0).scores(constant["test"])
    joint = torch.cat([splits["fit"].z, splits["probe"].z])
    majority = splits["test"].z == torch.bincount(joint).argmax()
    assert (scores.majority_correct == majority).all()
    assert (scores.correct[3:] == majority).all()
    assert scores.log_loss.numpy() == pytest.approx(scores.prior_loss.numpy(), abs=1e-9)


def test_two_threads_train_the_same_adversaries_as_one(make_splits: Callable) -> None:
    splits = make_splits(n_classes=3, rows=(404, 204, 400))
    found = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(fit_panel(splits, 0))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for one, other in zip(*(panel.attacks for panel in found), strict=True):
        assert one.trained_on == other.trained_on
        for left, right in zip(one.readouts, other.readouts, strict=True):
            assert torch.equal(left.weight, right.weight)


def test_shuffled_labels_are_read_at_chance(make_splits: Callable) -> None:
    splits = make_splits()
    rng = np.random.default_rng(0)
    entities = {name: rng.permutation(len(split) // 4) for name, split in splits.items()}
    shuffled = {
        name: Split(split.x, split.z.reshape(-1, 4)[entities[name]].reshape(-1), split.groups)
        for name, split in splits.items()
    }
    scores = fit_panel(shuffled, 0).scores(shuffled["test"])
    # 400 test entities whose rows agree on the label: three standard errors of chance.
    assert scores.correct.double().mean(dim=1).numpy() == pytest.approx(np.full(6, 0.5), abs=3 * 0.5 / 400**0.5)
    # Calibration: an adversary that knows nothing loses next to nothing by saying so.
    assert float((scores.prior_loss - scores.log_loss).mean(dim=1).min()) > -0.02


def test_renaming_the_classes_changes_nothing(make_splits: Callable) -> None:
    splits = make_splits(n_classes=3, distance=1.5)
    renamed = {name: Split(split.x, (split.z + 1) % 3, split.groups) for name, split in splits.items()}
    before, after = (accuracies(fit_panel(s, 0), s["test"]) for s in (splits, renamed))
    assert before == pytest.approx(after, abs=1 / 1600)  # a row on the boundary may fall to either side
    assert 0.5 < before[0] < 0.9


def test_units_and_offsets_of_features_change_nothing(make_splits: Callable, apply_edit: Callable) -> None:
    splits = make_splits(distance=1.0)
    scale = torch.logspace(-3, 3, 24, dtype=torch.float64)
    moved = apply_edit(splits, lambda x: x * scale + 100)
    before, after = (fit_panel(s, 0).scores(s["test"]) for s in (splits, moved))
    assert (before.correct == after.correct).double().mean() > 0.999
    assert before.log_loss.numpy() == pytest.approx(after.log_loss.numpy(), abs=1e-5)


def test_the_panel_is_a_function_of_rows_and_seed(make_splits: Callable) -> None:
    splits = make_splits(distance=1.0)
    first, second = (fit_panel(splits, 5).scores(splits["test"]) for _ in range(2))
    assert torch.equal(first.correct, second.correct)
    assert torch.equal(first.log_loss, second.log_loss)


def test_a_class_absent_from_training_is_a_miss_with_a_finite_loss(make_splits: Callable) -> None:
    splits = make_splits(n_classes=3, distance=6.0)
    kept = {
        name: Split(split.x[split.z < 2], split.z[split.z < 2], split.groups[(split.z < 2).numpy()])
        for name, split in splits.items()
    }
    kept["test"] = splits["test"]
    scores = fit_panel(kept, 0).scores(kept["test"])
    unseen = splits["test"].z == 2
    assert not scores.correct[:, unseen].any()
    assert scores.correct[:, ~unseen].double().mean() > 0.95
    assert torch.isfinite(scores.log_loss).all()
    assert scores.log_loss[:, unseen].numpy() == pytest.approx(scores.prior_loss[:, unseen].numpy(), abs=1e-12)


def test_a_class_absent_from_probe_alone_is_found_by_the_joint_attack(make_splits: Callable) -> None:
    splits = make_splits(n_classes=3, distance=6.0)
    probe = splits["probe"]
    splits["probe"] = Split(probe.x[probe.z < 2], probe.z[probe.z < 2], probe.groups[(probe.z < 2).numpy()])
    third = splits["test"].z == 2
    correct = fit_panel(splits, 0).scores(splits["test"]).correct[:, third].double().mean(dim=1)
    assert correct[:3].tolist() == [0, 0, 0]
    assert float(correct[3:].min()) > 0.95


def test_a_class_absent_from_fit_alone_is_found_by_both(make_splits: Callable) -> None:
    splits = make_splits(n_classes=3, distance=6.0)
    fit = splits["fit"]
    splits["fit"] = Split(fit.x[fit.z < 2], fit.z[fit.z < 2], fit.groups[(fit.z < 2).numpy()])
    third = splits["test"].z == 2
    assert float(fit_panel(splits, 0).scores(splits["test"]).correct[:, third].double().mean(dim=1).min()) > 0.95


def test_training_rows_of_a_single_class_predict_it(make_splits: Callable) -> None:
    splits = make_splits()
    ones = {
        name: Split(split.x[split.z == 1], split.z[split.z == 1], split.groups[(split.z == 1).numpy()])
        for name, split in splits.items()
    }
    ones["test"] = splits["test"]
    scores = fit_panel(ones, 0).scores(ones["test"])
    assert (scores.correct == (splits["test"].z == 1)).all()
    assert scores.log_loss.shape == (0, 1600)


def test_fewer_rows_than_features(make_splits: Callable) -> None:
    splits = make_splits(d=300, distance=8.0, rows=(80, 40, 400))
    assert min(accuracies(fit_panel(splits, 0), splits["test"])) > 0.6


def test_threads_are_as_they_were(make_splits: Callable) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        fit_panel(make_splits(rows=(40, 40, 8)), 0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_regressors_recover_a_planted_r2() -> None:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(3000, 10, generator=g, dtype=torch.float64)
    z = torch.stack([x[:, 0] + x[:, 1], x[:, 2]], dim=1) + torch.randn(3000, 2, generator=g, dtype=torch.float64)
    edges = {"fit": (0, 1000), "probe": (1000, 1500), "test": (1500, 3000)}
    splits = {name: Split(x[a:b], z[a:b], np.arange(a, b)) for name, (a, b) in edges.items()}
    for regressor in fit_regressors(splits, 0):
        error, deviation = regressor.errors(splits["test"])
        r2 = 1 - error.sum(dim=0) / deviation.sum(dim=0)
        assert r2.numpy() == pytest.approx(np.array([2 / 3, 1 / 2]), abs=0.05)


def test_continuous_labels_do_not_go_to_the_classifiers(make_splits: Callable) -> None:
    splits = make_splits(rows=(40, 40, 8))
    values = {name: Split(split.x, split.z.double(), split.groups) for name, split in splits.items()}
    with pytest.raises(ValueError, match="labels are continuous"):
        fit_panel(values, 0)
