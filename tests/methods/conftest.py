"""Data that every test of the erasers shares."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

Data = tuple[Tensor, Tensor]


def gaussian(n: int, d: int, k: int, seed: int = 0) -> Data:
    """Return k Gaussian classes: non-zero mean, a covariance that is far from isotropic, and class means well apart."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    rotation = torch.linalg.qr(normal(d, d)).Q
    scales = torch.logspace(0.7, -0.7, d, dtype=torch.float64)
    z = torch.randint(0, k, (n,), generator=generator)
    return (normal(n, d) * scales) @ rotation + 5.0 + normal(d) + (normal(k, d) * 0.7)[z], z


@pytest.fixture(scope="session")
def make_gaussian() -> Callable[..., Data]:
    """The recipe, for tests that choose their own sizes."""
    return gaussian


@pytest.fixture(scope="session")
def binary() -> Data:
    """Two classes: x [600, 24], z [600]."""
    return gaussian(600, 24, 2)


@pytest.fixture(scope="session")
def multiclass() -> Data:
    """Five classes: x [600, 24], z [600]."""
    return gaussian(600, 24, 5)


@pytest.fixture(scope="session")
def continuous() -> Data:
    """Three real labels: x [600, 24], z [600, 3]."""
    x, _ = gaussian(600, 24, 2)
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(600, 3, generator=generator, dtype=torch.float64) * torch.tensor([1.0, 0.01, 30.0]).double() + 2.0
    return x + (z - 2.0) @ torch.randn(3, 24, generator=generator, dtype=torch.float64), z
