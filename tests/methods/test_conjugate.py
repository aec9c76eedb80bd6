"""Conjugate gradients for many columns."""

from __future__ import annotations

import pytest
import torch

from interpmark.methods.conjugate import solve_columns


@pytest.mark.parametrize("size", [1.0, 1e-12, 1e-30], ids=str)
def test_targets_of_any_size_are_solved_in_float32(size: float) -> None:
    """The squares of the smaller ones are nothing in float32."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(40, 6, generator=generator)
    matrix = rows.T @ rows / 40 + torch.eye(6)
    target = torch.randn(6, 3, generator=generator) * torch.tensor([size, 1.0, 0.0])
    found = solve_columns(lambda columns: matrix @ columns, target, lambda left: left, 1e-5)
    torch.testing.assert_close(matrix @ found.columns / size, target / size, rtol=1e-4, atol=1e-4)
    assert 0 < found.products <= 10
    assert bool((found.columns[:, 2] == 0).all())
