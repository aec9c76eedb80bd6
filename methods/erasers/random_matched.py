"""A random edit as large as that of a real method: x' = x − a Q Qᵀ (x − μ).

Q is a random subspace of the rank of the compared method's edit, and a makes the mean squared edit on the fit data the
same. A method must do better than this one for its choice of directions to have mattered, and not only its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.edits import Edit
from interpmark.methods.erasers.random_direction import random_basis
from interpmark.methods.errors import MethodError
from interpmark.methods.registry import register
from interpmark.methods.spec import get_method

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register("random-matched", kind="eraser", claims={"affine", "mean-preserving"}, control=True)
@dataclass(frozen=True)
class RandomMatched:
    """Shrink or stretch a random subspace by as much as another method edits.

    Attributes:
        to: Spec of the method compared with, such as `leace` or, in quotes, `'inlp(rank=4)'`.

    """

    to: str = "leace"

    def __post_init__(self) -> None:
        method = get_method(self.to)
        if method.info.needs_bench:
            raise MethodError(f"{self.to!r} needs more than activations to be fitted, so it cannot be matched")

    @property
    def builds_on(self) -> tuple[str, ...]:
        """The methods that this one runs, so that their code is part of its source hash."""
        return (self.to,)

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AffineEdit:
        """Fit on activations x `[n, d]` and whatever labels the compared method takes."""
        x = x.to(torch.float64)
        compared: Edit = get_method(self.to).build().fit(x, z, seed=seed)
        basis = random_basis(x.shape[1], compared.rank, seed).to(x.device)
        centred = x - x.mean(0)
        wanted = (compared(x, z) - x).square().sum()
        whole = (centred @ basis).square().sum()
        scale = (wanted / whole).sqrt() if bool(whole > 0) else torch.zeros_like(wanted)
        return AffineEdit(basis, scale * basis, center=x.mean(0))
