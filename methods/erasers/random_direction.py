"""A random subspace is projected out: x' = x − Q Qᵀ (x − μ), Q uniform among orthonormal `[d, rank]`.

What an edit of this rank costs and does when it knows nothing of the concept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.errors import FitError, MethodError
from interpmark.methods.registry import register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register(
    "random-direction",
    kind="eraser",
    claims={"idempotent", "affine", "mean-preserving", "orthogonal"},
    control=True,
)
@dataclass(frozen=True)
class RandomDirection:
    """Project out a random subspace."""

    rank: int = 1

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise MethodError(f"rank must be at least 1, not {self.rank}")

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AffineEdit:
        """Fit on activations x `[n, d]`; labels do not matter.

        Raises:
            FitError: The rank exceeds d.

        """
        basis = random_basis(x.shape[1], self.rank, seed).to(x.device)
        return AffineEdit(basis, basis, center=x.to(torch.float64).mean(0))


def random_basis(d: int, rank: int, seed: int) -> Tensor:
    """Return an orthonormal basis `[d, rank]` of a uniformly random subspace."""
    if rank > d:
        raise FitError(f"cannot remove {rank} directions from activations of size {d}")
    generator = torch.Generator().manual_seed(seed)
    basis: Tensor = torch.linalg.qr(torch.randn(d, rank, generator=generator, dtype=torch.float64)).Q
    return basis
