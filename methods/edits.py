"""Edits: immutable maps from activations to activations, `[..., d] -> [..., d]`, and the simplest of them.

An edit keeps its numbers in float64, computes in the dtype of its input but never below float32, and hands back the
dtype and the device that it was given.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import lazy_loader

from interpmark.methods.errors import EditError
from interpmark.methods.labels import label_matrix

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

EDIT_TYPES: dict[str, type[Edit]] = {}
"""The types of edit that can be loaded, by the tag in their file. A subclass of `Edit` with a `tag` adds itself."""


class Edit(ABC):
    """A map from activations to activations.

    A subclass of one's own gives itself a `tag`, and `tensors` and `from_tensors` that undo one another; then it can be
    saved and loaded.
    """

    tag: ClassVar[str] = ""
    needs_labels: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if vars(cls).get("tag"):  # an inherited tag stays with the class that has it
            EDIT_TYPES[cls.tag] = cls

    @property
    @abstractmethod
    def d(self) -> int:
        """The size of the activations that it edits."""

    @property
    @abstractmethod
    def rank(self) -> int:
        """The number of dimensions that it acts on."""

    @abstractmethod
    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return the edited activations.

        Args:
            x: `[..., d]`, any floating dtype. It is not changed.
            z: Labels, int64 `[...]` or float64 `[..., k]`; only an edit with `needs_labels` looks at them.

        """

    @property
    def scope(self) -> str:
        """Which positions the edit touches while the subject runs, out of `SCOPES`."""
        return "all"

    def at_places(self, x: Tensor, place: Tensor, z: Tensor | None = None) -> Tensor:
        """Return the edited activations of tokens whose place in their text, `[...]` int64, is known.

        Places are counted from the first token after the prefix; -1 is the prefix and padding. Most edits do the same
        at every place.
        """
        return self(x, z)

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Return everything that the edit consists of."""

    @classmethod
    @abstractmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Return the edit that consists of these tensors."""

    @property
    def fingerprint(self) -> str:
        """Sha256 (hex) of the edit's content."""
        digest = hashlib.sha256(type(self).__name__.encode())
        for name, tensor in sorted(self.tensors().items()):
            digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
            digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class IdentityEdit(Edit):
    """x' = x."""

    size: int
    tag: ClassVar[str] = "identity"

    @property
    def d(self) -> int:
        """The size of the activations."""
        return self.size

    @property
    def rank(self) -> int:
        """Zero."""
        return 0

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return a copy of x, bit for bit."""
        check_input(self, x)
        return x.clone()

    def tensors(self) -> dict[str, Tensor]:
        """Return the size."""
        return {"d": torch.tensor(self.size)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Undo `tensors`."""
        return cls(int(tensors["d"]))


@dataclass(frozen=True, eq=False)
class ConstantEdit(Edit):
    """x' = value, whatever x was.

    Attributes:
        value: `[d]`, kept as float64.

    """

    value: Tensor
    tag: ClassVar[str] = "constant"

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", frozen_tensor("ConstantEdit.value", self.value, 1))

    @property
    def d(self) -> int:
        """The size of the activations."""
        return self.value.shape[0]

    @property
    def rank(self) -> int:
        """All dimensions."""
        return self.d

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return the value at every position of x."""
        check_input(self, x)
        return self.value.to(device=x.device, dtype=x.dtype).expand(x.shape).clone()

    def tensors(self) -> dict[str, Tensor]:
        """Return the value."""
        return {"value": self.value}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Undo `tensors`."""
        return cls(tensors["value"])


@dataclass(frozen=True, eq=False)
class OracleEdit(Edit):
    """x' = x − (z − center) shift: moves each activation by its label, which must be given.

    Attributes:
        shift: `[k, d]`, kept as float64.
        center: `[k]`, the labels' mean, kept as float64.

    """

    shift: Tensor
    center: Tensor
    tag: ClassVar[str] = "oracle"
    needs_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "shift", frozen_tensor("OracleEdit.shift", self.shift, 2))
        object.__setattr__(self, "center", frozen_tensor("OracleEdit.center", self.center, 1))
        if self.center.shape[0] != self.shift.shape[0]:
            raise EditError(
                f"OracleEdit: shift has {self.shift.shape[0]} rows and center {self.center.shape[0]} entries"
            )

    @property
    def d(self) -> int:
        """The size of the activations."""
        return self.shift.shape[1]

    @property
    def rank(self) -> int:
        """The rank of the shift."""
        return int(torch.linalg.matrix_rank(self.shift))

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return x without what its label predicts.

        Raises:
            EditError: Labels are missing, or do not fit x.

        """
        check_input(self, x)
        if z is None:
            raise EditError("this edit sees labels: call it as edit(x, z)")
        dtype = computing_dtype(x)
        labels = label_matrix(z, classes=self.shift.shape[0]).to(device=x.device, dtype=dtype)  # [..., k]
        if labels.shape != (*x.shape[:-1], self.shift.shape[0]):
            raise EditError(f"labels of shape {tuple(z.shape)} do not fit activations of shape {tuple(x.shape)}")
        center, shift = (t.to(device=x.device, dtype=dtype) for t in (self.center, self.shift))
        return (x.to(dtype) - (labels - center) @ shift).to(x.dtype)

    def tensors(self) -> dict[str, Tensor]:
        """Return shift and center."""
        return {"shift": self.shift, "center": self.center}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Undo `tensors`."""
        return cls(tensors["shift"], tensors["center"])


def computing_dtype(x: Tensor) -> torch.dtype:
    """Return the dtype to compute in: that of x, but float32 when it is a half type."""
    return torch.promote_types(x.dtype, torch.float32)


def check_input(edit: Edit, x: Tensor) -> None:
    """Raise an EditError unless x holds floating activations of the edit's size."""
    if not x.is_floating_point():
        raise EditError(f"an edit takes floating activations, not {x.dtype}")
    if x.ndim == 0 or x.shape[-1] != edit.d:
        raise EditError(f"this edit was made for activations of size {edit.d}; these have shape {tuple(x.shape)}")


def frozen_tensor(name: str, tensor: Tensor, ndim: int) -> Tensor:
    """Return a float64 copy that nobody else holds, or raise an EditError that names the fault.

    It lies in memory row by row, as files hold it: products of another layout differ in their last bits.
    """
    copy = torch.as_tensor(tensor).detach().to(torch.float64, copy=True, memory_format=torch.contiguous_format)
    if copy.ndim != ndim:
        raise EditError(f"{name} must have {ndim} dimension{'s' * (ndim > 1)}; it has shape {tuple(copy.shape)}")
    if not bool(copy.isfinite().all()):
        raise EditError(f"{name} holds NaN or infinity; check the fit for a division by zero or an empty class")
    return copy
