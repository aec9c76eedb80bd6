"""Edits with a strength, which is what a steerer returns.

Strength 1 is the edit's natural size, such as the distance of the class means. `at(strength)` gives the same edit at
another strength, and a file keeps the strength that the edit was saved with. Positive strengths move the subject
towards class 1, negative ones towards class 0; an edit that swaps or ablates moves each activation away from its own
class instead, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.edits import Edit, check_input, computing_dtype, frozen_tensor
from interpmark.methods.errors import EditError, did_you_mean
from interpmark.methods.kinds import SCOPES

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@dataclass(frozen=True, eq=False, kw_only=True)
class Steering(Edit):
    """An edit with a strength and a scope.

    Attributes:
        strength: How far to go, in natural sizes of the edit.
        scope: Which positions the edit touches while the subject runs, out of `SCOPES`.

    """

    strength: float = 1.0
    scope: str = "all"

    def __post_init__(self) -> None:
        if not math.isfinite(self.strength):
            raise EditError(f"the strength must be a finite number, not {self.strength}")
        check_scope(self.scope)
        object.__setattr__(self, "strength", float(self.strength))
        self._check()

    def at(self, strength: float) -> Self:
        """Return the same edit at another strength."""
        return replace(self, strength=strength)

    @property
    def is_still(self) -> bool:
        """Whether the edit leaves everything as it was, to the bit."""
        return self.strength == 0

    def parts(self) -> dict[str, Tensor]:
        """Return what the edit consists of beside strength and scope: its fields, where all are tensors."""
        return {name: getattr(self, name) for name in self._own_fields()}

    @classmethod
    def from_parts(cls, parts: Mapping[str, Tensor], **rest: Any) -> Self:
        """Undo `parts`; `rest` holds strength and scope."""
        own: dict[str, Any] = {name: parts[name] for name in cls._own_fields()}
        return cls(**own, **rest)

    @classmethod
    def _own_fields(cls) -> list[str]:
        return [one.name for one in fields(cls) if one.name not in ("strength", "scope")]

    def tensors(self) -> dict[str, Tensor]:
        """Return the parts, the strength, and the scope's name in bytes."""
        scope = torch.tensor(list(self.scope.encode()), dtype=torch.uint8)
        return {**self.parts(), "strength": torch.tensor(self.strength, dtype=torch.float64), "scope": scope}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Undo `tensors`."""
        scope = bytes(tensors["scope"].tolist()).decode()
        return cls.from_parts(tensors, strength=float(tensors["strength"]), scope=scope)

    def _check(self) -> None:
        """Bring the parts into shape, or raise an EditError."""

    def _freeze(self, ndim: int, *names: str) -> None:
        for name in names:
            tensor = frozen_tensor(f"{type(self).__name__}.{name}", getattr(self, name), ndim)
            # as a file holds it: matrix products of other layouts round differently
            object.__setattr__(self, name, tensor.contiguous())

    def _freeze_vectors(self, *names: str) -> None:
        self._freeze(1, *names)
        sizes = {name: len(getattr(self, name)) for name in names}
        if len(set(sizes.values())) > 1:
            raise EditError(f"{type(self).__name__}: sizes differ: {sizes}")


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
        return (_wide(x) + (self.strength * self.vector).to(_wide(x))).to(x.dtype)


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
        vectors = (self.strength * self.vectors).to(_wide(x))
        here = (place >= 0) & (place < len(vectors))
        added = vectors[place.clamp(0, len(vectors) - 1).to(x.device)]
        return torch.where(here[..., None].to(x.device), _wide(x) + added, _wide(x)).to(x.dtype)


@dataclass(frozen=True, eq=False)
class SetCoordinate(Steering):
    """x' = x − ((x − origin)·r̂) r̂ + strength · r, r̂ = r / ‖r‖: the coordinate along r no longer depends on x.

    At strength 0 it is the origin's, so this edit is not the identity there.

    Attributes:
        direction: r, `[d]`, kept as float64.
        origin: `[d]`, kept as float64.

    """

    direction: Tensor
    origin: Tensor
    tag: ClassVar[str] = "set-coordinate"

    def _check(self) -> None:
        self._freeze_vectors("direction", "origin")
        if not bool(self.direction.any()):
            raise EditError("SetCoordinate: the direction has length zero")

    @property
    def d(self) -> int:
        """The size of the activations."""
        return len(self.direction)

    @property
    def rank(self) -> int:
        """One."""
        return 1

    @property
    def is_still(self) -> bool:
        """Never: the coordinate is set at every strength."""
        return False

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return x with its coordinate set; `z` is not looked at."""
        check_input(self, x)
        unit = (self.direction / self.direction.norm()).to(_wide(x))
        coordinate = (_wide(x) - self.origin.to(_wide(x))) @ unit  # [...]
        wanted = self.strength * float(self.direction.norm())
        edited: Tensor = _wide(x) + (wanted - coordinate)[..., None] * unit
        return edited.to(x.dtype)


@dataclass(frozen=True, eq=False)
class PartialEdit(Steering):
    """x' = x + strength · (edit(x) − x): strength 0 does nothing, 1 is the edit, more goes beyond it.

    Attributes:
        whole: The edit at strength 1.

    """

    whole: AffineEdit
    tag: ClassVar[str] = "partial-edit"

    @property
    def d(self) -> int:
        """The size of the activations."""
        return self.whole.d

    @property
    def rank(self) -> int:
        """The edit's rank, or zero at strength 0."""
        return 0 if self.is_still else self.whole.rank

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return x moved by a part of the edit; `z` is not looked at."""
        check_input(self, x)
        return x.clone() if self.is_still else self.whole.scaled(self.strength)(x)

    def parts(self) -> dict[str, Tensor]:
        """Return the edit's factors."""
        return self.whole.tensors()

    @classmethod
    def from_parts(cls, parts: Mapping[str, Tensor], **rest: Any) -> Self:
        """Undo `parts`."""
        return cls(AffineEdit.from_tensors(parts), **rest)


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
            side = ((_wide(x) - self.boundary.to(_wide(x))) @ self.normal.to(_wide(x))).sign()  # [...]
        else:
            side = (2 * z - 1).to(_wide(x))
        return (_wide(x) + side[..., None] * (self.strength * self.vector).to(_wide(x))).to(x.dtype)


@dataclass(frozen=True, eq=False)
class MirroredCoordinates(Steering):
    """x' = x − W Wᵀ(x − center) + strength · W |Wᵀ(x − center)|: what lies along each direction points one way.

    At strength 0 it removes the span of W, so this edit is not the identity there; at 1 and −1 it keeps lengths.

    Attributes:
        directions: W, `[d, k]`, orthonormal columns that point towards class 1; kept as float64.
        center: `[d]`, kept as float64.

    """

    directions: Tensor
    center: Tensor
    tag: ClassVar[str] = "mirrored-coordinates"

    def _check(self) -> None:
        self._freeze(2, "directions")
        self._freeze(1, "center")
        if self.directions.shape[0] != len(self.center):
            raise EditError(
                f"MirroredCoordinates: directions are [{self.directions.shape[0]}, k] and center [{len(self.center)}]"
            )

    @property
    def d(self) -> int:
        """The size of the activations."""
        return len(self.center)

    @property
    def rank(self) -> int:
        """The number of directions."""
        return self.directions.shape[1]

    @property
    def is_still(self) -> bool:
        """Never, unless there are no directions."""
        return self.rank == 0

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return x with its coordinates turned; `z` is not looked at."""
        check_input(self, x)
        w = self.directions.to(_wide(x))
        coordinates = (_wide(x) - self.center.to(_wide(x))) @ w  # [..., k]
        return (_wide(x) + (self.strength * coordinates.abs() - coordinates) @ w.T).to(x.dtype)


def check_scope(scope: str) -> None:
    """Raise an EditError for a scope that does not exist."""
    if scope not in SCOPES:
        raise EditError(f"unknown scope {scope!r}{did_you_mean(scope, SCOPES)} Allowed: {', '.join(SCOPES)}.")


def _wide(x: Tensor) -> Tensor:
    """Return x in the dtype to compute in."""
    return x.to(computing_dtype(x))
