"""Representation engineering: reading vectors from differences of pairs (Zou et al. 2023, arXiv:2310.01405).

Each fit prompt is paired with one of the same template and the other class; v is the first principal component of the
pairs' differences *about the origin*, and the labels give its sign. Every row comes first in one pair, so differences
point both ways; PCA of differences that all point one way would remove their mean, which is the concept. Pairs across
templates would not do either: what differs between two templates varies far more than the concept.

Control `linear`: x' = x + strength · ‖μ₁ − μ₀‖ v. Control `piecewise`: x' = x + strength · sign((x − m)·v) ‖μ₁ − μ₀‖ v,
which strengthens what an activation already is; m is the point half way between the class means, where the public
code has the origin, on one side of which all activations of a subject may lie. v has unit length in the paper;
the distance of the class means makes strengths comparable across sites and methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.added_vectors import AddedVector, SidedVector
from interpmark.methods.bench import FitBench
from interpmark.methods.classes import class_means
from interpmark.methods.errors import FitError, MethodError, did_you_mean
from interpmark.methods.registry import register
from interpmark.methods.steering import Steering

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_CONTROLS = ("linear", "piecewise")


@register("repe", kind="steerer", claims={"affine"}, reference="arXiv:2310.01405", supports={"binary"})
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

    @property
    def claims(self) -> frozenset[str]:
        """What holds with this control."""
        return frozenset({"affine"} if self.control == "linear" else ())

    def fit_on(self, bench: FitBench, *, seed: int) -> Steering:
        """Fit on pairs of the bench's prompts.

        Raises:
            FitError: No template has prompts of both classes, or the class means are equal.

        """
        x, z = bench.split.x.to(torch.float64), bench.split.z
        means = class_means(x, z)
        first, second = bench.pairs(torch.arange(len(z)), seed).T
        v = reading_vector(x[first] - x[second], means.difference)
        vector = means.difference.norm() * v
        return AddedVector(vector) if self.control == "linear" else SidedVector(vector, v, means.middle)


def reading_vector(differences: Tensor, towards: Tensor) -> Tensor:
    """Return the first principal component `[d]` of differences `[m, d]` about the origin, pointing `towards` `[d]`.

    Raises:
        FitError: It is orthogonal to where it is to point.

    """
    v: Tensor = torch.linalg.svd(differences, full_matrices=False).Vh[0]
    agreement = v @ towards
    if not bool(agreement):
        raise FitError("the principal component is orthogonal to the difference of the class means: it has no sign")
    return v * agreement.sign()
