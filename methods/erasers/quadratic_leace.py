"""Quadratic LEACE (Belrose et al. 2023, arXiv:2306.03819; `QuadraticEraser`): the oracle form, which sees the labels.

x' = (x − μ_z) T_z + μ, with T_c = Σ_c^{-½} (Σ_c^{½} Σ* Σ_c^{½})^{½} Σ_c^{-½} and Σ* the barycentre of the classes'
covariances, weighted by their shares. Each class is carried by optimal transport to one and the same mean and
covariance, so that neither a linear nor a quadratic predictor of z beats a constant on the fit data, and no map of each
class to common moments moves the activations less.

μ is the mean of the class means weighted by the classes' shares, which is the mean of the data; the reference takes the
unweighted mean, and so moves the data when classes differ in size. When a class has no more rows than d, its covariance
is singular and covariances can be made equal only where their ranges agree; `shrinkage=True` regularises them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import lazy_loader

from interpmark.methods.class_edits import ClassMapEdit
from interpmark.methods.errors import FitError
from interpmark.methods.labels import is_classes
from interpmark.methods.registry import register
from interpmark.methods.shrinkage import shrink
from interpmark.methods.transport import barycentre, transport

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register(
    "quadratic-leace",
    kind="eraser",
    claims={"guards-linearly", "mean-preserving"},
    reference="arXiv:2306.03819",
    oracle=True,
    supports={"binary", "multiclass"},
)
@dataclass(frozen=True)
class QuadraticLeace:
    """Carry every class to the same mean and covariance; needs the labels whenever it is applied.

    Attributes:
        shrinkage: Shrink each covariance towards a multiple of the identity: class means are equal all the same, and
            covariances nearly. For classes with few rows.

    """

    shrinkage: bool = False

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> ClassMapEdit:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`.

        Raises:
            FitError: Labels are real numbers.

        """
        x = x.to(torch.float64)
        classes = class_moments(x, z, self.shrinkage)
        target = barycentre([c.covariance for c in classes.values()], [c.share for c in classes.values()])
        # A class number without rows gets the map of all rows together, so that there is one for every number.
        others = pooled_moments(x, self.shrinkage)
        moments = [classes.get(c, others) for c in range(max(classes) + 1)]
        maps = {id(m): transport(m.covariance, target) for m in moments}
        return ClassMapEdit(
            torch.stack([maps[id(m)] for m in moments]), torch.stack([m.mean for m in moments]), others.mean
        )


class Moments(NamedTuple):
    """Mean `[d]`, covariance `[d, d]` and share of the rows."""

    mean: Tensor
    covariance: Tensor
    share: float


def class_moments(x: Tensor, z: Tensor, shrinkage: bool) -> dict[int, Moments]:
    """Return the moments of each class that has rows, by its number.

    Raises:
        FitError: Labels are real numbers.

    """
    if not is_classes(z):
        raise FitError("a map for each class needs classes: z must be int64 [n]")
    return {c: pooled_moments(x[z == c], shrinkage, len(x)) for c in sorted(set(z.tolist()))}


def pooled_moments(x: Tensor, shrinkage: bool, of: int | None = None) -> Moments:
    """Return the moments of rows x `[m, d]`, a share of `of` rows."""
    mean = x.mean(0)
    covariance = (x - mean).T @ (x - mean) / len(x)
    return Moments(mean, shrink(covariance, len(x)) if shrinkage else covariance, len(x) / (of or len(x)))
