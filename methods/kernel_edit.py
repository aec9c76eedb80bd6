"""An edit that reads an activation through a kernel: by how much it resembles the rows that the edit was fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import lazy_loader

from interpmark.methods.edits import Edit, check_input, computing_dtype, frozen_tensor
from interpmark.methods.errors import EditError

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_CHUNK = 4096  # activations at a time: each has a similarity to every landmark


@dataclass(frozen=True, eq=False)
class KernelEdit(Edit):
    """x' = x − write (dualᵀ k(landmarks, x) − offset): costs n (d + k) a position.

    Attributes:
        landmarks: `[n, d]`, kept as float64.
        dual: `[n, k]`, what is read: weights of the similarities to the landmarks; kept as float64.
        offset: `[k]`, what is read off an activation that stays where it is; kept as float64.
        write: `[d, k]`, where it is taken out; kept as float64.
        center: `[d]`, the origin of the kernel; kept as float64.
        length: `[1]`, the unit of length of the kernel; kept as float64.
        degree: Of the polynomial kernel; 0 for the radial one.

    """

    landmarks: Tensor
    dual: Tensor
    offset: Tensor
    write: Tensor
    center: Tensor
    length: Tensor
    degree: int = 0
    tag: ClassVar[str] = "kernel"

    def __post_init__(self) -> None:
        for name, ndim in (("landmarks", 2), ("dual", 2), ("offset", 1), ("write", 2), ("center", 1), ("length", 1)):
            object.__setattr__(self, name, frozen_tensor(f"KernelEdit.{name}", getattr(self, name), ndim))
        (n, d), k = self.landmarks.shape, self.offset.shape[0]
        wanted = {"dual": (n, k), "write": (d, k), "center": (d,), "length": (1,)}
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise EditError(f"KernelEdit.{name} must have shape {shape}, not {tuple(getattr(self, name).shape)}")
        if self.degree < 0:
            raise EditError(f"KernelEdit.degree must be 0 or more, not {self.degree}")

    @property
    def d(self) -> int:
        """The size of the activations."""
        return self.landmarks.shape[1]

    @property
    def rank(self) -> int:
        """The number of dimensions that it moves along."""
        return int(torch.linalg.matrix_rank(self.write)) if self.write.shape[1] else 0

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return the edited activations; `z` is not looked at."""
        check_input(self, x)
        dtype = computing_dtype(x)
        dual, offset, write, center, landmarks = (
            t.to(device=x.device, dtype=dtype)
            for t in (self.dual, self.offset, self.write, self.center, self._scaled(self.landmarks))
        )
        rows = x.reshape(-1, self.d).to(dtype)
        edited = []
        for start in range(0, max(1, len(rows)), _CHUNK):
            part = rows[start : start + _CHUNK]
            similar = kernel((part - center) / float(self.length), landmarks, self.degree)  # [m, n]
            edited.append(part - (similar @ dual - offset) @ write.T)
        return torch.cat(edited).reshape(x.shape).to(x.dtype)

    def _scaled(self, x: Tensor) -> Tensor:
        return (x - self.center) / self.length

    def tensors(self) -> dict[str, Tensor]:
        """Return everything, the degree as a number."""
        names = ("landmarks", "dual", "offset", "write", "center", "length")
        return {**{name: getattr(self, name) for name in names}, "degree": torch.tensor(self.degree)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Undo `tensors`."""
        factors = {name: tensor for name, tensor in tensors.items() if name != "degree"}
        return cls(**factors, degree=int(tensors["degree"]))


def kernel(x: Tensor, y: Tensor, degree: int) -> Tensor:
    """Return the similarities `[m, n]` of rows x `[m, d]` and y `[n, d]`.

    exp(−‖x − y‖² / 2) for degree 0, else (1 + x·y)^degree.
    """
    products = x @ y.T
    if degree:
        return (1.0 + products) ** degree
    squares = x.square().sum(1)[:, None] + y.square().sum(1) - 2.0 * products
    return torch.exp(-squares.clamp_min(0) / 2.0)
