"""Planted activations for the tests of measures: Gaussian classes with a shared, non-isotropic covariance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from interpmark.suite.ground import Split

Splits = dict[str, Split]


def gaussian_splits(
    seed: int = 0,
    d: int = 24,
    distance: float = 3.0,
    n_classes: int = 2,
    rows: tuple[int, ...] = (800, 400, 1600),
    entity_rows: int = 4,
) -> Splits:
    """Class means `distance` apart in units of the noise, rows of an entity share a class and nothing else."""
    g = torch.Generator().manual_seed(seed)
    root = torch.randn(d, d, generator=g, dtype=torch.float64) * torch.logspace(0.5, -0.5, d, dtype=torch.float64)
    corners = torch.eye(d, dtype=torch.float64)[:n_classes] * distance / 2**0.5
    means = corners @ root + 5  # [c, d]
    splits, entity = {}, 0
    for name, n in zip(("fit", "probe", "test", "transfer"), rows, strict=False):
        groups = np.arange(n) // entity_rows + entity
        entity = int(groups[-1]) + 1
        z = torch.from_numpy(groups % n_classes)
        x = torch.randn(n, d, generator=g, dtype=torch.float64) @ root + means[z]
        splits[name] = Split(x, z, groups)
    return splits


def edit_all(splits: Splits, edit: Callable[[torch.Tensor], torch.Tensor]) -> Splits:
    return {name: Split(edit(split.x), split.z, split.groups) for name, split in splits.items()}


@pytest.fixture
def make_splits() -> Callable[..., Splits]:
    return gaussian_splits


@pytest.fixture
def apply_edit() -> Callable[[Splits, Callable[[torch.Tensor], torch.Tensor]], Splits]:
    return edit_all
