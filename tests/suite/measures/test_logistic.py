"""Logistic regression reaches the optimum that scikit-learn's reaches, in every shape that the suite meets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from interpmark.suite.measures.logistic import cross_entropy, fit_logistic


def problem(n: int, d: int, c: int, signal: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    z = torch.arange(n) % c
    x = torch.randn(n, d, generator=g, dtype=torch.float64)
    x = x + signal * torch.randn(c, d, generator=g, dtype=torch.float64)[z]
    return torch.cat([x, torch.ones(n, 1, dtype=torch.float64)], dim=1), z


def objective(design: torch.Tensor, z: torch.Tensor, weight: torch.Tensor, strength: float) -> float:
    penalty = 0.5 * strength * weight[:-1].square().sum()
    return float(cross_entropy(design @ weight, z).mean() + penalty)


def sklearn_weight(design: torch.Tensor, z: torch.Tensor, strength: float) -> torch.Tensor:
    model = LogisticRegression(C=1 / (len(z) * strength), tol=1e-10, max_iter=5000)
    model.fit(design[:, :-1].numpy(), z.numpy())
    return torch.from_numpy(np.vstack([model.coef_.T, model.intercept_]))


@pytest.mark.parametrize("strength", [10.0, 0.1, 0.001])
@pytest.mark.parametrize(
    ("n", "d", "c", "signal"),
    [
        pytest.param(300, 20, 2, 0.3, id="binary"),
        pytest.param(301, 20, 3, 0.3, id="three classes"),
        pytest.param(60, 100, 2, 0.1, id="fewer rows than features"),
        pytest.param(200, 10, 2, 3.0, id="separable"),
        pytest.param(400, 30, 40, 1.0, id="many classes"),
    ],
)
def test_same_optimum_as_scikit_learn(n: int, d: int, c: int, signal: float, strength: float) -> None:
    design, z = problem(n, d, c, signal)
    ours = fit_logistic(design, z, c, strength)
    theirs = sklearn_weight(design, z, strength)
    assert ours.objective == pytest.approx(objective(design, z, theirs, strength), abs=1e-6)
    assert ours.objective == pytest.approx(objective(design, z, ours.weight, strength), abs=1e-12)
    assert ours.gradient_norm <= 1e-7
    # The objective cannot tell weights that matter little from weights that are right; the scores can.
    spread = (design @ (ours.weight - theirs)).std(dim=0).max()
    assert spread < 2e-3 * (design @ theirs).std(dim=0).max()


@pytest.mark.parametrize("c", [2, 5])
def test_the_start_does_not_change_the_optimum(c: int) -> None:
    design, z = problem(200, 12, c, 0.5)
    far = 3 * torch.randn(13, 1 if c == 2 else c, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    there = fit_logistic(design, z, c, 0.01, start=far)
    assert there.objective == pytest.approx(fit_logistic(design, z, c, 0.01).objective, abs=1e-10)


def test_an_unpenalised_intercept_predicts_the_class_frequencies_under_a_huge_penalty() -> None:
    design, z = problem(300, 5, 3, 1.0)
    z = torch.where(torch.arange(300) < 200, 0, z)
    weight = fit_logistic(design, z, 3, 1e6).weight
    share = torch.bincount(z) / len(z)
    assert torch.softmax(weight[-1], dim=0).numpy() == pytest.approx(share.numpy(), abs=1e-3)


def test_not_reaching_the_tolerance_is_an_error() -> None:
    design, z = problem(100, 5, 2, 1.0)
    with pytest.raises(ArithmeticError, match="above its tolerance"):
        fit_logistic(design, z, 2, 0.1, tolerance=0.0)
