"""The door of the measures."""

from __future__ import annotations

import math

import pytest
import torch

from interpmark.suite.measures.inputs import require_finite


@pytest.mark.parametrize("bad", [[math.nan], [math.inf], [math.inf, -math.inf]])
def test_every_number_that_is_not_finite_is_counted(bad: list[float]) -> None:
    with pytest.raises(ValueError, match=f"x: {len(bad)} of {100 + len(bad)} values"):
        require_finite("x", torch.tensor([1.0] * 100 + bad))


def test_finite_numbers_pass_even_where_their_sum_overflows() -> None:
    require_finite("x", torch.full((4,), torch.finfo(torch.float64).max, dtype=torch.float64))
