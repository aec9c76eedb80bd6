"""A steering edit that goes a part of the way of an affine edit, or beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from interpmark.methods.affine import AffineEdit
from interpmark.methods.edits import check_input
from interpmark.methods.steering import Steering

if TYPE_CHECKING:
    from torch import Tensor


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
