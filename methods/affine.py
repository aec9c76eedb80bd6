"""The affine edit of low rank, x' = x − (x − c) R Lᵀ + s: most edits are one."""

from __future__ import annotations

import hashlib
import math
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

_SAME = 2.0**-18  # maps that agree to this, relative to their size, share a fingerprint: float32 sees little beyond it


@dataclass(frozen=True, eq=False)
class AffineEdit(Edit):
    """x' = x − (x − center) read writeᵀ + shift, kept as factors so that it costs 2dk and not d² a position.

    Attributes:
        read: `[d, k]`, what is read off the activation; kept as float64.
        write: `[d, k]`, where it is taken out; kept as float64.
        center: `[d]` or None for the origin: the point that stays where it is (but for the shift).
        shift: `[d]` or None.

    """

    read: Tensor
    write: Tensor
    center: Tensor | None = None
    shift: Tensor | None = None
    tag: ClassVar[str] = "affine"

    def __post_init__(self) -> None:
        for name, ndim in (("read", 2), ("write", 2), ("center", 1), ("shift", 1)):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, frozen_tensor(f"AffineEdit.{name}", value, ndim))
        if self.read.shape != self.write.shape:
            raise EditError(
                f"AffineEdit: read {tuple(self.read.shape)} and write {tuple(self.write.shape)} must both be [d, k]"
            )
        for name in ("center", "shift"):
            vector = getattr(self, name)
            if vector is not None and vector.shape[0] != self.d:
                raise EditError(
                    f"AffineEdit: {name} has {vector.shape[0]} entries, but read and write have {self.d} rows"
                )

    @classmethod
    def projection(cls, directions: Tensor, center: Tensor | None = None, shift: Tensor | None = None) -> Self:
        """Return the orthogonal projection that removes the span of some directions.

        Args:
            directions: `[d]` or `[d, k]`; they need be neither of unit length nor independent.
            center: `[d]`, the point that keeps its place; with the data's mean the mean is kept.
            shift: `[d]`, added afterwards.

        Raises:
            EditError: All directions are zero.

        """
        directions = frozen_tensor("directions", directions.reshape(directions.shape[0], -1), 2)
        lengths = directions.norm(dim=0)
        if not bool((lengths > 0).any()):
            raise EditError("cannot project out a direction of length zero")
        unit = directions[:, lengths > 0] / lengths[lengths > 0]
        u, s, _ = torch.linalg.svd(unit, full_matrices=False)
        basis = u[:, s > s[0] * max(unit.shape) * torch.finfo(torch.float64).eps]
        return cls(basis, basis, center, shift)

    @property
    def d(self) -> int:
        """The size of the activations."""
        return self.read.shape[0]

    @property
    def rank(self) -> int:
        """The rank of read writeᵀ."""
        if 0 in self.read.shape:
            return 0
        scales = [t.norm(dim=0).clamp_min(torch.finfo(torch.float64).tiny) for t in (self.read, self.write)]
        triangles = [torch.linalg.qr(t).R for t in (self.read / scales[0], self.write / scales[1])]
        return int(torch.linalg.matrix_rank((triangles[0] * scales[0] * scales[1]) @ triangles[1].T))

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return the edited activations; `z` is not looked at."""
        check_input(self, x)
        dtype = computing_dtype(x)
        x_ = x.to(dtype)
        centred = x_ if self.center is None else x_ - self.center.to(device=x.device, dtype=dtype)
        read, write = (t.to(device=x.device, dtype=dtype) for t in (self.read, self.write))
        edited = x_ - (centred @ read) @ write.T
        if self.shift is not None:
            edited = edited + self.shift.to(device=x.device, dtype=dtype)
        return edited.to(x.dtype)

    @property
    def offset(self) -> Tensor:
        """The constant part b of x' = x − x read writeᵀ + b, float64 `[d]`."""
        offset = torch.zeros(self.d, dtype=torch.float64, device=self.read.device)
        if self.center is not None:
            offset = offset + (self.center @ self.read) @ self.write.T
        return offset if self.shift is None else offset + self.shift

    def compose(self, inner: AffineEdit) -> AffineEdit:
        """Return the edit x -> self(inner(x)), of rank at most the sum of both."""
        if inner.d != self.d:
            raise EditError(f"cannot compose edits of size {self.d} and {inner.d}")
        # x' = x − xA₁ + b₁, then x'' = x' − x'A₂ + b₂ = x − x(A₁ + A₂ − A₁A₂) + b₁ − b₁A₂ + b₂
        read = torch.cat([inner.read, self.read - inner.read @ (inner.write.T @ self.read)], dim=1)
        write = torch.cat([inner.write, self.write], dim=1)
        offset = inner.offset - (inner.offset @ self.read) @ self.write.T + self.offset
        return AffineEdit(read, write, None, offset)

    def scaled(self, strength: float) -> AffineEdit:
        """Return the edit x -> x + strength (x' − x): 0 does nothing, 1 is this edit."""
        shift = None if self.shift is None else strength * self.shift
        return AffineEdit(self.read, strength * self.write, self.center, shift)

    def tensors(self) -> dict[str, Tensor]:
        """Return the factors that are set."""
        factors = {"read": self.read, "write": self.write, "center": self.center, "shift": self.shift}
        return {name: factor for name, factor in factors.items() if factor is not None}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """Undo `tensors`."""
        return cls(tensors["read"], tensors["write"], tensors.get("center"), tensors.get("shift"))

    @property
    def fingerprint(self) -> str:
        """Sha256 (hex) of the map and not of its factors: equal maps found by different formulas hash equal.

        Factors are no canonical form (a projection has equal singular values, so its basis may be rotated), hence the
        hash is of what the map does to a few fixed generic vectors, rounded to a part in 250,000 of its size.
        """
        generator = torch.Generator().manual_seed(20230606)
        probes = torch.randn(4, self.d, generator=generator, dtype=torch.float64)
        read, write, offset = self.read.cpu(), self.write.cpu(), self.offset.cpu()
        digest = hashlib.sha256(f"affine {self.d}".encode())
        for part in ((probes @ read) @ write.T, offset):
            size = float(part.square().mean().sqrt())
            if size < 1e-12:
                digest.update(b"zero")
                continue
            # a power of two as unit, its boundaries moved off the sizes that occur, such as exactly one
            unit = 2.0 ** round(math.log2(size) + 0.2371) * _SAME
            digest.update((part / unit).round().to(torch.int64).numpy().tobytes())
            digest.update(str(unit).encode())
        return digest.hexdigest()
