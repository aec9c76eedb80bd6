"""Steering edits that add a vector: the same everywhere, by the side of a boundary, or by the place in the prompt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import lazy_loader

from interpmark.methods.edits import check_input
from interpmark.methods.errors import EditError
from interpmark.methods.steering import Steering, wide

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@dataclass(frozen=True, eq=False)
class AlongVector(Steering):
    """An edit that moves activations along one vector.

    Attributes:
        vector: `[d]`, kept as float64.

    """

    vector: Tensor

    @property
    def d(self) -> int:
        """The size of the activations."""
        return len(self.vector)

    @property
    def rank(self) -> int:
        """One, or zero when nothing is added."""
        return int(bool(self.vector.any()) and not self.is_still)


@dataclass(frozen=True, eq=False)
class AddedVector(AlongVector):
    """x' = x + strength · vector."""

    tag: ClassVar[str] = "added-vector"

    def _check(self) -> None:
        self._freeze_vectors("vector")

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return x with the vector added; `z` is not looked at."""
        check_input(self, x)
        if self.is_still:
            return x.clone()
        return (wide(x) + (self.strength * self.vector).to(wide(x))).to(x.dtype)


@dataclass(frozen=True, eq=False)
class SidedVector(AlongVector):
    """x' = x + strength · sign((x − boundary)·normal) · vector: each side of a boundary is moved its own way.

    Attributes:
        vector: What an activation on the positive side is moved by, `[d]`, kept as float64.
        normal: `[d]`, kept as float64.
        boundary: A point of the boundary, `[d]`, kept as float64.

    """

    normal: Tensor
    boundary: Tensor
    tag: ClassVar[str] = "sided-vector"

    def _check(self) -> None:
        self._freeze_vectors("vector", "normal", "boundary")

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return x moved by its side; where classes `z` (0 and 1) are given, they are the sides."""
        check_input(self, x)
        if self.is_still:
            return x.clone()
        if z is None:
            side = ((wide(x) - self.boundary.to(wide(x))) @ self.normal.to(wide(x))).sign()  # [...]
        else:
            side = (2 * z - 1).to(wide(x))
        return (wide(x) + side[..., None] * (self.strength * self.vector).to(wide(x))).to(x.dtype)


@dataclass(frozen=True, eq=False)
class PlacedVectors(Steering):
    """x' = x + strength · vectors[i] at the i-th token of a prompt, counted after the prefix; later tokens stay.

    Attributes:
        vectors: `[p, d]`, kept as float64.

    """

    vectors: Tensor
    scope: str = field(default="prefill", kw_only=True)
    tag: ClassVar[str] = "placed-vectors"

    def _check(self) -> None:
        self._freeze(2, "vectors")
        if not len(self.vectors):
            raise EditError("PlacedVectors: at least one vector is needed; vectors must be [p, d] with p >= 1")

    @property
    def d(self) -> int:
        """The size of the activations."""
        return self.vectors.shape[1]

    @property
    def rank(self) -> int:
        """The rank of the vectors."""
        return 0 if self.is_still else int(torch.linalg.matrix_rank(self.vectors))

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return x as it is: an activation whose place is not told is taken to lie behind the vectors."""
        check_input(self, x)
        return x.clone()

    def at_places(self, x: Tensor, place: Tensor, z: Tensor | None = None) -> Tensor:
        """Return x `[..., d]` with the vector of its place `[...]` added."""
        check_input(self, x)
        if self.is_still:
            return x.clone()
        vectors = (self.strength * self.vectors).to(wide(x))
        here = (place >= 0) & (place < len(vectors))
        added = vectors[place.clamp(0, len(vectors) - 1).to(x.device)]
        return torch.where(here[..., None].to(x.device), wide(x) + added, wide(x)).to(x.dtype)
