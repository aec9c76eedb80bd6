"""A whitening, by either decomposition: W Σ Wᵀ is the identity on the range of Σ, and W⁺ undoes W there."""

from __future__ import annotations

import pytest
import torch

from interpmark.methods.whitening import CholeskyWhitening, SpectralWhitening, whitening


def covariance(n: int, d: int, spread: float, seed: int = 0) -> torch.Tensor:
    """Σ of n rows whose features' sizes differ by a factor of `spread`."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, d, generator=generator, dtype=torch.float64) @ torch.randn(d, d, generator=generator).double()
    rows = (rows - rows.mean(0)) * torch.logspace(0, float(torch.tensor(spread).log10()), d, dtype=torch.float64)
    return rows.T @ rows / n


def spectral(sigma: torch.Tensor) -> SpectralWhitening:
    scale = sigma.diagonal().sqrt()
    values, vectors = torch.linalg.eigh(sigma / torch.outer(scale, scale))
    return SpectralWhitening(scale, vectors, values.sqrt())


@pytest.mark.parametrize(("n", "spread", "form"), [(200, 1e4, CholeskyWhitening), (20, 1e4, SpectralWhitening)])
def test_whitened_covariance_is_the_identity(n: int, spread: float, form: type) -> None:
    sigma = covariance(n, 40, spread)
    w = whitening(sigma, torch.zeros(40))
    assert isinstance(w, form)
    whitened = w.whiten(w.whiten(sigma).T)  # W Σ Wᵀ
    torch.testing.assert_close(whitened, torch.eye(len(whitened), dtype=torch.float64), atol=1e-9, rtol=0)


@pytest.mark.parametrize("n", [200, 20])
def test_writing_undoes_whitening_on_the_range(n: int) -> None:
    sigma = covariance(n, 40, 1e4)
    w = whitening(sigma, torch.zeros(40))
    columns = sigma @ torch.randn(40, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    torch.testing.assert_close(w.write(w.whiten(columns)), columns, rtol=1e-8, atol=1e-10 * float(columns.norm()))


def test_both_forms_give_the_same_where_a_rotation_does_not_matter() -> None:
    sigma = covariance(200, 40, 1e3)
    one, other = whitening(sigma, torch.zeros(40)), spectral(sigma)
    columns = torch.randn(40, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    inverse = one.read(one.whiten(columns))  # WᵀW = Σ⁻¹
    torch.testing.assert_close(inverse, other.read(other.whiten(columns)), rtol=1e-8, atol=1e-12)
    torch.testing.assert_close(inverse, torch.linalg.solve(sigma, columns), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("gap", [1e-6, 1e-14])
def test_a_direction_that_hardly_varies_is_whitened_or_dropped_but_never_blown_up(gap: float) -> None:
    """Two features that are almost copies: at 1e-6 of their size the difference is data, at 1e-14 it is rounding."""
    generator = torch.Generator().manual_seed(3)
    rows = torch.randn(500, 6, generator=generator, dtype=torch.float64)
    rows[:, 5] = rows[:, 4] + gap * rows[:, 5]
    rows = rows - rows.mean(0)
    w = whitening(rows.T @ rows / 500, torch.zeros(6))
    rank = w.whiten(torch.eye(6, dtype=torch.float64)).shape[0]
    assert rank == (6 if gap == 1e-6 else 5)
