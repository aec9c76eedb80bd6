"""Steering edits that put the coordinates along directions where they are to be: at strength 0 they edit too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from interpmark.methods.edits import check_input
from interpmark.methods.errors import EditError
from interpmark.methods.steering import Steering, wide

if TYPE_CHECKING:
    from torch import Tensor


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
        unit = (self.direction / self.direction.norm()).to(wide(x))
        coordinate = (wide(x) - self.origin.to(wide(x))) @ unit  # [...]
        wanted = self.strength * float(self.direction.norm())
        edited: Tensor = wide(x) + (wanted - coordinate)[..., None] * unit
        return edited.to(x.dtype)


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
        w = self.directions.to(wide(x))
        coordinates = (wide(x) - self.center.to(wide(x))) @ w  # [..., k]
        return (wide(x) + (self.strength * coordinates.abs() - coordinates) @ w.T).to(x.dtype)
