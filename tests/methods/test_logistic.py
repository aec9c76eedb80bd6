"""One-against-rest regressions that are solved together reach the optimum that scikit-learn finds for each alone."""

from __future__ import annotations

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from interpmark.methods.logistic import LogisticRegressions, orthogonal_inverse

WEIGHT_DECAYS = (1.0, 1e-3)


def problem(shares: list[float], n: int, d: int, shift: float) -> tuple[Tensor, Tensor]:
    """Rows x `[n, d]` of unequal variances, and their classes as columns, bool `[n, k]`."""
    generator = torch.Generator().manual_seed(0)
    counts = [round(share * n) for share in shares]
    z = torch.repeat_interleave(torch.arange(len(shares)), torch.tensor(counts))
    scales = torch.logspace(0.5, -0.5, d, dtype=torch.float64)
    x = torch.randn(len(z), d, generator=generator, dtype=torch.float64) * scales
    means = torch.randn(len(shares), d, generator=generator, dtype=torch.float64)
    x = x + shift * means[z]
    return x - x.mean(0), z[:, None] == torch.arange(len(shares))


def objectives(x: Tensor, positive: Tensor, w: Tensor, weight_decay: float) -> Tensor:
    """The objective of each column of w `[d, k]` with the best bias for it, found by bisection: `[k]`."""
    sign = torch.where(positive, 1.0, -1.0)
    low, high = torch.full((w.shape[1],), -300.0).double(), torch.full((w.shape[1],), 300.0).double()
    for _ in range(200):
        bias = (low + high) / 2
        slope = -(sign * torch.sigmoid(-sign * (x @ w + bias))).mean(0)
        low, high = torch.where(slope < 0, bias, low), torch.where(slope < 0, high, bias)
    loss = torch.nn.functional.softplus(-sign * (x @ w + bias)).mean(0)
    return loss + weight_decay / 2 * w.square().sum(0)


def scikit_learn(x: Tensor, positive: Tensor, weight_decay: float) -> Tensor:
    columns = []
    for column in positive.T:
        model = LogisticRegression(C=1 / (weight_decay * len(x)), tol=1e-9, max_iter=20_000)
        columns.append(torch.from_numpy(model.fit(x.numpy(), column.numpy()).coef_[0]))
    return torch.stack(columns, dim=1)


@pytest.mark.parametrize("weight_decay", WEIGHT_DECAYS)
@pytest.mark.parametrize(
    ("shares", "n", "d", "shift"),
    [
        pytest.param([0.4, 0.3, 0.3], 300, 20, 0.5, id="three classes"),
        pytest.param([0.1] * 10, 400, 30, 0.5, id="ten classes"),
        pytest.param([0.9, 0.085, 0.015], 400, 20, 0.5, id="unbalanced"),
        pytest.param([0.1] * 10, 300, 20, 5.0, id="separable"),
        pytest.param([0.4, 0.3, 0.3], 40, 100, 0.3, id="fewer rows than features"),
    ],
)
def test_all_classes_at_once_reach_scikit_learns_optima(
    shares: list[float], n: int, d: int, shift: float, weight_decay: float
) -> None:
    x, positive = problem(shares, n, d, shift)
    found = LogisticRegressions(x, positive, weight_decay).weights(x.new_zeros(d, 0))
    excess = objectives(x, positive, found, weight_decay)
    excess -= objectives(x, positive, scikit_learn(x, positive, weight_decay), weight_decay)
    assert float(excess.max()) < 1e-9
    assert float(excess.abs().max()) < 1e-6


@pytest.mark.parametrize("weight_decay", WEIGHT_DECAYS)
def test_without_a_basis_is_on_projected_rows(weight_decay: float) -> None:
    """Whatever was solved before with the same preconditioner: the optimum is one."""
    x, positive = problem([0.25] * 4, 400, 30, 0.5)
    basis = torch.linalg.qr(x[:5].T).Q
    together = LogisticRegressions(x, positive, weight_decay)
    together.weights(x.new_zeros(30, 0))
    after = together.weights(basis)
    projected = LogisticRegressions(x - (x @ basis) @ basis.T, positive, weight_decay).weights(x.new_zeros(30, 0))
    assert float((basis.T @ after).abs().max()) < 1e-12
    torch.testing.assert_close(after, projected, rtol=0, atol=1e-6 * float(projected.norm()))


def test_inverse_where_a_basis_is_left_out() -> None:
    x, _ = problem([1.0], 50, 6, 0.0)
    matrix, basis = x.T @ x, torch.linalg.qr(x[:2].T).Q
    left = torch.linalg.svd(torch.eye(6).double() - basis @ basis.T).U[:, :4]
    wanted = left @ torch.linalg.inv(left.T @ matrix @ left) @ left.T
    torch.testing.assert_close(orthogonal_inverse(torch.linalg.inv(matrix), basis), wanted)
