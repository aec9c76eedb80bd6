"""Edits that are a full affine map, one for all activations or one for each class."""

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


@dataclass(frozen=True, eq=False)
class MapEdit(Edit):
    """x' = (x − source) matrixᵀ + target: an affine map of any rank, d² numbers.

    Attributes:
        matrix: `[d, d]`, kept as float64.
        source: `[d]`, kept as float64.
        target: `[d]`, where the source goes, kept as float64.

    """

    matrix: Tensor
    source: Tensor
    target: Tensor
    tag: ClassVar[str] = "map"

    def __post_init__(self) -> None:
        for name, ndim in (("matrix", 2), ("source", 1), ("target", 1)):
            object.__setattr__(self, name, frozen_tensor(f"MapEdit.{name}", getattr(self, name), ndim))
        if self.matrix.shape != (self.d, self.d) or self.target.shape != self.source.shape:
            shapes = f"{tuple(self.matrix.shape)}, {tuple(self.source.shape)} and {tuple(self.target.shape)}"
            raise EditError(f"MapEdit: matrix, source and target must be [d, d], [d] and [d]; they are {shapes}")

    @property
    def d(self) -> int:
        """The size of the activations."""
        return self.source.shape[0]

    @property
    def rank(self) -> int:
        """The rank of what it does to differences, I − matrix."""
        return int(torch.linalg.matrix_rank(torch.eye(self.d).to(self.matrix) - self.matrix))

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return the edited activations; `z` is not looked at."""
        check_input(self, x)
        dtype = computing_dtype(x)
        matrix, source, target = (t.to(device=x.device, dtype=dtype) for t in (self.matrix, self.source, self.target))
        return ((x.to(dtype) - source) @ matrix.T + target).to(x.dtype)

    def tensors(self) -> dict[str, Tensor]:
        """Return the map and both points."""
        return {"matrix": self.matrix, "source": self.source, "target": self.target}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Undo `tensors`."""
        return cls(tensors["matrix"], tensors["source"], tensors["target"])


@dataclass(frozen=True, eq=False)
class ClassMapEdit(Edit):
    """x' = (x − source_z) matrix_zᵀ + target: a map for each class, whose label must be given.

    Attributes:
        matrices: `[k, d, d]`, kept as float64.
        sources: `[k, d]`, kept as float64.
        target: `[d]`, where every source goes, kept as float64.

    """

    matrices: Tensor
    sources: Tensor
    target: Tensor
    tag: ClassVar[str] = "class-map"
    needs_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, ndim in (("matrices", 3), ("sources", 2), ("target", 1)):
            object.__setattr__(self, name, frozen_tensor(f"ClassMapEdit.{name}", getattr(self, name), ndim))
        k, d = self.sources.shape
        if self.matrices.shape != (k, d, d) or self.target.shape != (d,):
            shapes = f"{tuple(self.matrices.shape)}, {tuple(self.sources.shape)} and {tuple(self.target.shape)}"
            raise EditError(
                f"ClassMapEdit: matrices, sources and target must be [k, d, d], [k, d] and [d]; they are {shapes}"
            )

    @property
    def d(self) -> int:
        """The size of the activations."""
        return self.sources.shape[1]

    @property
    def rank(self) -> int:
        """The largest rank that a class's map has in what it does to differences, I − matrix."""
        return int(torch.linalg.matrix_rank(torch.eye(self.d).to(self.matrices) - self.matrices).max())

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return the edited activations.

        Raises:
            EditError: Labels are missing, do not fit x, are real numbers, or name a class that there is no map for.

        """
        check_input(self, x)
        self._check_labels(x, z)
        dtype = computing_dtype(x)
        labels = z.to(x.device) if z is not None else x
        target = self.target.to(device=x.device, dtype=dtype)
        edited = torch.empty_like(x, dtype=dtype)
        for c in range(len(self.sources)):
            rows = labels == c  # [...]
            matrix, source = (t[c].to(device=x.device, dtype=dtype) for t in (self.matrices, self.sources))
            edited[rows] = (x[rows].to(dtype) - source) @ matrix.T + target
        return edited.to(x.dtype)

    def _check_labels(self, x: Tensor, z: Tensor | None) -> None:
        if z is None:
            raise EditError("this edit sees labels: call it as edit(x, z)")
        if z.is_floating_point() or z.shape != x.shape[:-1]:
            raise EditError(
                f"labels must be classes of shape {tuple(x.shape[:-1])}; these are {z.dtype} of shape {tuple(z.shape)}"
            )
        k = len(self.sources)
        if z.numel() and not (int(z.min()) >= 0 and int(z.max()) < k):
            raise EditError(f"there are maps for {k} classes; the labels hold {int(z.min())} to {int(z.max())}")

    def tensors(self) -> dict[str, Tensor]:
        """Return the maps and the points."""
        return {"matrices": self.matrices, "sources": self.sources, "target": self.target}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Undo `tensors`."""
        return cls(tensors["matrices"], tensors["sources"], tensors["target"])
