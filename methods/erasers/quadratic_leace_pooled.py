"""Quadratic LEACE (Belrose et al. 2023, arXiv:2306.03819) without labels: all rows are one more class.

x' = (x − μ) T + μ with T = Σ^{-½} (Σ^{½} Σ* Σ^{½})^{½} Σ^{-½}, Σ the covariance of all rows and Σ* the barycentre
of the classes' covariances: the map of `quadratic-leace` for a class that nobody knows. EleutherAI's steering-llama3
uses a pooled class in this way, as the source of its quadratic editor.

What it is worth: it gives the data as a whole the mean and covariance that the classes should have. It is one affine
map of full rank, so no class mean meets another: it claims no guard, and what it leaves the scores tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.class_edits import MapEdit
from interpmark.methods.erasers.quadratic_leace import class_moments, pooled_moments
from interpmark.methods.registry import register
from interpmark.methods.transport import barycentre, transport

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register(
    "quadratic-leace-pooled",
    kind="eraser",
    claims={"affine", "mean-preserving"},
    reference="arXiv:2306.03819",
    supports={"binary", "multiclass"},
)
@dataclass(frozen=True)
class QuadraticLeacePooled:
    """Carry all rows together to the classes' common covariance; class-free, and no guard.

    Attributes:
        shrinkage: Shrink each covariance towards a multiple of the identity.

    """

    shrinkage: bool = False

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> MapEdit:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`.

        Raises:
            FitError: Labels are real numbers.

        """
        x = x.to(torch.float64)
        classes = class_moments(x, z, self.shrinkage).values()
        pooled = pooled_moments(x, self.shrinkage)
        target = barycentre([c.covariance for c in classes], [c.share for c in classes])
        return MapEdit(transport(pooled.covariance, target), pooled.mean, pooled.mean)
