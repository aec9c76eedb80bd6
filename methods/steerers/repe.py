"""Representation engineering: reading vectors from differences of pairs (Zou et al. 2023, arXiv:2310.01405).

Rows of class 1 are paired with rows of class 0 at random, each pair's difference gets a random sign, and v is the first
principal component of these differences *about the origin*; the labels give its sign. Centred PCA of differences that
all point one way removes their mean, which is the concept. The random signs alone leave a small mean, so that both are
done: about the origin, ± d count the same.

Control `linear`: x' = x + strength · ‖μ₁ − μ₀‖ v. Control `piecewise`: x' = x + strength · sign((x − m)·v) ‖μ₁ − μ₀‖ v,
which strengthens what an activation already is; m is the point half way between the class means, where the public
code has the origin, on one side of which all activations of a subject may lie. v has unit length in the paper;
the distance of the class means makes strengths comparable across sites and methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.classes import class_means
from interpmark.methods.errors import FitError, MethodError, did_you_mean
from interpmark.methods.registry import register
from interpmark.methods.steering import AddedVector, SidedVector, Steering

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_CONTROLS = ("linear", "piecewise")


@register("repe", kind="steerer", reference="arXiv:2310.01405", supports={"binary"})
@dataclass(frozen=True)
class Repe:
    """Add the first principal component of differences of pairs.

    Attributes:
        control: `linear` adds it everywhere, `piecewise` adds it on class 1's side and subtracts it on the other.

    """

    control: str = "linear"

    def __post_init__(self) -> None:
        if self.control not in _CONTROLS:
            raise MethodError(f"unknown control {self.control!r}{did_you_mean(self.control, _CONTROLS)}")

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Steering:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`, 0 and 1."""
        x = x.to(torch.float64)
        means = class_means(x, z)
        v = reading_vector(x, z, seed)
        vector = means.difference.norm() * v
        return AddedVector(vector) if self.control == "linear" else SidedVector(vector, v, means.middle)


def reading_vector(x: Tensor, z: Tensor, seed: int) -> Tensor:
    """Return the unit vector v `[d]` that points towards class 1."""
    differences = pair_differences(x, z, seed)  # [m, d]
    v: Tensor = torch.linalg.svd(differences, full_matrices=False).Vh[0]
    agreement = v @ class_means(x, z).difference
    if not bool(agreement):
        raise FitError("the principal component is orthogonal to the difference of the class means: it has no sign")
    return v * agreement.sign()


def pair_differences(x: Tensor, z: Tensor, seed: int) -> Tensor:
    """Return the differences `[m, d]` of random pairs, class 1 less class 0 or the other way round."""
    generator = torch.Generator().manual_seed(seed)
    zero, one = ((z == c).nonzero()[:, 0].cpu() for c in (0, 1))
    m = min(len(zero), len(one))
    zero, one = (rows[torch.randperm(len(rows), generator=generator)[:m]] for rows in (zero, one))
    sign = 2 * torch.randint(0, 2, (m, 1), generator=generator) - 1
    return sign.to(x) * (x[one.to(x.device)] - x[zero.to(x.device)])
