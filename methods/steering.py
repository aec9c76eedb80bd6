"""Edits with a strength, which is what a steerer returns.

Strength 1 is the edit's natural size, such as the distance of the class means. `at(strength)` gives the same edit at
another strength, and a file keeps the strength that the edit was saved with. Positive strengths move the subject
towards class 1, negative ones towards class 0; an edit that swaps or ablates moves each activation away from its own
class instead, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import lazy_loader

from interpmark.methods.edits import Edit, computing_dtype, frozen_tensor
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
            object.__setattr__(self, name, frozen_tensor(f"{type(self).__name__}.{name}", getattr(self, name), ndim))

    def _freeze_vectors(self, *names: str) -> None:
        self._freeze(1, *names)
        sizes = {name: len(getattr(self, name)) for name in names}
        if len(set(sizes.values())) > 1:
            raise EditError(f"{type(self).__name__}: sizes differ: {sizes}")


def check_scope(scope: str) -> None:
    """Raise an EditError for a scope that does not exist."""
    if scope not in SCOPES:
        raise EditError(f"unknown scope {scope!r}{did_you_mean(scope, SCOPES)} Allowed: {', '.join(SCOPES)}.")


def wide(x: Tensor) -> Tensor:
    """Return x in the dtype to compute in."""
    return x.to(computing_dtype(x))
