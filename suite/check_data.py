"""Small data sets for the contract's checks: every kind of label, and the shapes that break formulas."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Rows(NamedTuple):
    """Activations x `[n, d]` float64 and labels z, int64 `[n]` or float64 `[n, k]`."""

    x: Tensor
    z: Tensor


def planted_rows(labels: str, n: int = 240, d: int = 12) -> Rows:
    """Return correlated Gaussian rows of non-zero mean, with a concept planted in two directions.

    Args:
        labels: "binary", "multiclass" (four classes of unequal size) or "continuous" (two columns).
        n: Rows.
        d: Features.

    """
    generator = torch.Generator().manual_seed(n + d)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    mixing = normal(d, d) / d**0.5 * torch.linspace(0.5, 2.0, d, dtype=torch.float64)
    noise = normal(n, d) @ mixing + 3.0 + normal(d)
    if labels == "continuous":
        z = normal(n, 2)
        return Rows(noise + z @ normal(2, d), z)
    shares = torch.tensor([0.5, 0.5] if labels == "binary" else [0.4, 0.3, 0.2, 0.1], dtype=torch.float64)
    # shares of n, so that every class has rows whatever n is, in an order that says nothing
    classes = torch.bucketize((torch.arange(n, dtype=torch.float64) + 0.5) / n, shares.cumsum(0)[:-1])
    z = classes[torch.randperm(n, generator=generator)]
    return Rows(noise + (normal(len(shares), 2) * 1.5 @ normal(2, d))[z], z)


def wide_rows(labels: str) -> Rows:
    """Return fewer rows than features: every covariance is singular."""
    return planted_rows(labels, n=24, d=40)


def constant_feature(labels: str) -> Rows:
    """Return rows with a feature that never varies: dividing by its variance gives NaN."""
    x, z = planted_rows(labels)
    x[:, 0] = 0.1
    return Rows(x, z)


def outlier_feature(labels: str) -> Rows:
    """Return rows with a feature of standard deviation 300, as residual streams have them."""
    x, z = planted_rows(labels)
    x[:, 1] = (x[:, 1] - x[:, 1].mean()) / x[:, 1].std() * 300.0
    return Rows(x, z)
