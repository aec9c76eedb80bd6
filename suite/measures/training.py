"""What the adversaries of one training set share: principal coordinates, and a validation part.

All adversaries see the same coordinates: features scaled to unit variance, rotated to their principal axes. None of
the three changes its predictions under a rotation, and on principal axes the rows' second moment is diagonal, which
makes a d x d factorisation per penalty unnecessary. Axes without variance are dropped: no adversary would put weight
there, and with far fewer rows than features that leaves few.

A feature whose spread is the rounding error of an edit is left out: scaled to unit variance it would hand the
adversary noise that no reader of the activations could use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from interpmark.suite.ground import Split

from .inputs import is_continuous

VALIDATION_PARTS = 4
"""One part in four of the entities is held out for choosing strengths."""


@dataclass(frozen=True, eq=False)
class Coordinates:
    """The map from activations to what adversaries read: `((x - mean) * inverse_scale) @ axes`, and a constant 1.

    Attributes:
        mean: `[d]` float64.
        inverse_scale: `[d]`, one over the standard deviation; 0 for a feature that is left out.
        axes: `[d, r]`, orthonormal columns.

    """

    mean: torch.Tensor
    inverse_scale: torch.Tensor
    axes: torch.Tensor

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Rows `[n, d]` as adversaries see them: `[n, r + 1]` float64, the last column 1 for the intercept."""
        rows = ((x.to(torch.float64) - self.mean) * self.inverse_scale) @ self.axes
        return torch.cat([rows, rows.new_ones(len(rows), 1)], dim=1)


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """The rows that one set of adversaries is trained on.

    Attributes:
        coordinates: The map that made `design`, to be used on the rows that are scored.
        design: `[n, r + 1]` float64; the columns are centred and uncorrelated, the last is 1.
        moments: `[r + 1]`, the columns' mean squares.
        z: Labels as given.
        held_out: `[n]` bool, the rows of the entities that strengths are chosen on.
        n_features: How many features vary; may exceed r.

    """

    coordinates: Coordinates
    design: torch.Tensor
    moments: torch.Tensor
    z: torch.Tensor
    held_out: torch.Tensor
    n_features: int


def training_set(split: Split, seed: int) -> TrainingSet:
    """Find a split's coordinates and draw the entities to hold out."""
    mean, inverse_scale, rows = _standardised(split.x)
    axes = _axes(rows)
    design = rows.new_ones(len(rows), axes.shape[1] + 1)
    torch.mm(rows, axes, out=design[:, :-1])
    held_out = torch.from_numpy(_held_out(split, seed)).to(split.x.device)
    coordinates, n_features = Coordinates(mean, inverse_scale, axes), int((inverse_scale > 0).sum())
    return TrainingSet(coordinates, design, design.square().mean(dim=0), split.z, held_out, n_features)


def _standardised(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The features' means `[d]`, one over their deviations `[d]`, 0 for those left out, and the rows in these terms."""
    precision = torch.finfo(x.dtype).eps
    largest = torch.maximum(-x.amin(dim=0), x.amax(dim=0)).to(torch.float64)  # [d]
    x = x.to(torch.float64)
    mean = x.mean(dim=0)
    rows = x - mean
    std = rows.norm(dim=0) / len(rows) ** 0.5  # [d]
    # An edit sums over d terms of its input's size, so its rounding error is some tens of eps; eps^0.75 lies well
    # above that (2e-12 in float64, 6e-6 in float32) and far below any spread that a reader could use.
    floor = precision**0.75 * torch.maximum(largest, std.max())
    varies = std > floor
    inverse_scale = torch.where(varies, 1 / torch.where(varies, std, torch.ones_like(std)), torch.zeros_like(std))
    return mean, inverse_scale, rows.mul_(inverse_scale)


def _axes(rows: torch.Tensor) -> torch.Tensor:
    """Principal axes of centred rows `[n, d]` that have variance: `[d, r]`."""
    n, d = rows.shape
    if 2 * n <= d:
        span: torch.Tensor = torch.linalg.qr(rows.T).Q  # [d, n]: all the variance there is, at a fraction of the size
        return span @ _axes(rows @ span)
    values, vectors = _eigenvectors_of_moment(rows)
    axes: torch.Tensor = vectors[:, values > values[-1] * d * torch.finfo(values.dtype).eps]
    return axes


def _eigenvectors_of_moment(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Eigenvalues `[d]`, ascending, and eigenvectors `[d, d]` of the mean of xᵀx over rows `[n, d]`.

    On the CPU by numpy: of a product with itself it computes one triangle, and its LAPACK takes two thirds of the time
    of torch's where that is MKL on an AMD processor.
    """
    if rows.device.type == "cpu":
        x = rows.numpy()
        found = np.linalg.eigh(x.T @ x / len(x))
        return torch.from_numpy(found.eigenvalues), torch.from_numpy(found.eigenvectors)
    values, vectors = torch.linalg.eigh(rows.T @ rows / len(rows))
    return values, vectors


def _held_out(split: Split, seed: int) -> npt.NDArray[np.bool_]:
    """Every fourth entity, in a random order within each class, so that classes are held out in proportion.

    A class that is a single entity is not held out: a model that has not seen it says nothing about strengths.
    """
    groups = np.asarray(split.groups)
    if len(np.unique(groups)) < VALIDATION_PARTS:
        groups = np.arange(len(groups))  # too few entities to hold one out: rows instead
    _, first, entity = np.unique(groups, return_index=True, return_inverse=True)  # entity: [n] -> index
    rng = np.random.default_rng(seed)
    tie = rng.random(len(first))
    kind = np.zeros(len(first)) if is_continuous(split.z) else split.z.cpu().numpy()[first]
    _, seen, place, counts = np.unique(kind, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(first), dtype=np.int64)
    # Classes in the order of their first entity: the draw does not depend on what they are called.
    rank[np.lexsort((tie, seen[place]))] = np.arange(len(first))
    chosen: npt.NDArray[np.bool_] = rank % VALIDATION_PARTS == rng.integers(VALIDATION_PARTS)
    chosen &= counts[place] > 1
    return chosen[entity]
