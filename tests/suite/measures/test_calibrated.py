"""Calibration: an overfitted adversary is trusted less, one that found nothing not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from interpmark.suite.measures.calibrated import Calibrated, choose_trust, fit_calibrated
from interpmark.suite.measures.training import TrainingSet, training_set


def scores_and_classes(n: int, c: int, scale: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A prior, scores that are `scale` times the true ones, and classes drawn from the true ones."""
    g = torch.Generator().manual_seed(0)
    prior = torch.zeros(n, 1 if c == 2 else c, dtype=torch.float64)
    truth = 1.5 * torch.randn(prior.shape, generator=g, dtype=torch.float64)
    p = torch.sigmoid(truth) if c == 2 else torch.softmax(truth, dim=1)
    p = torch.cat([1 - p, p], dim=1) if c == 2 else p
    return prior, scale * truth, torch.multinomial(p, 1, generator=g)[:, 0]


@pytest.mark.parametrize("c", [2, 4])
@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_trust_undoes_the_scale_of_the_scores(c: int, scale: float) -> None:
    trust, loss = choose_trust(*scores_and_classes(20_000, c, scale))
    assert trust == pytest.approx(1 / scale, rel=0.05)
    assert loss == pytest.approx(choose_trust(*scores_and_classes(20_000, c, 1.0))[1], abs=1e-5)


def test_scores_that_point_the_wrong_way_are_not_trusted_at_all() -> None:
    prior, scores, z = scores_and_classes(2_000, 2, -1.0)
    assert choose_trust(prior, scores, z)[0] == 0.0


@pytest.fixture
def trained(make_splits: Callable) -> tuple[TrainingSet, torch.Tensor, Calibrated]:
    split = make_splits(d=100, n_classes=3, distance=2.0, rows=(240, 4))["fit"]
    rows = training_set(split, 0)
    return rows, split.z, fit_calibrated(rows, split.z, torch.arange(3), 3)


def test_an_overfitted_adversary_is_trusted_less(make_splits: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    splits = make_splits(d=100, distance=2.5, rows=(320, 4, 1600))
    rows = training_set(splits["fit"], 0)
    monkeypatch.setattr("interpmark.suite.measures.calibrated.STRENGTHS", (1e-4,))  # next to no penalty
    found = fit_calibrated(rows, splits["fit"].z, torch.arange(2), 2)
    design, z = rows.coordinates(splits["test"].x), splits["test"].z
    loss = float(found.log_loss(design, z).mean())
    assert 0 < found.trust < 0.7
    assert loss < float(replace(found, trust=1.0).log_loss(design, z).mean()) - 0.05
    assert loss < float(found.prior_loss(design, z).mean())


def test_log_loss_runs_from_the_prior_to_the_scores(trained: tuple[TrainingSet, torch.Tensor, Calibrated]) -> None:
    rows, z, found = trained
    raw = torch.nn.functional.cross_entropy(rows.design @ found.readout.weight, z, reduction="none")
    at = {trust: replace(found, trust=trust).log_loss(rows.design, z) for trust in (0.0, 1.0)}
    assert at[1.0].numpy() == pytest.approx(raw.numpy())
    assert at[0.0].numpy() == pytest.approx(found.prior_loss(rows.design, z).numpy())
    assert found.prior_loss(rows.design, z).numpy() == pytest.approx(torch.full((240,), 3.0).log().numpy(), rel=1e-6)
