"""Swapping the classes along the difference of their means.

With v = (μ₁ − μ₀) / ‖μ₁ − μ₀‖ and m the point half way between the means:

    translate   x' = x ∓ strength · (μ₁ − μ₀)              each side of m moved by the distance of the means
    reflect     x' = x − 2 strength · ((x − m)·v) v        each activation mirrored at m

At strength 1 both exchange the class means (translate does so exactly when told the classes, or when every activation
lies on its class's side). Reflection keeps the distances to m and undoes itself; translation keeps the order within a
class. Positive strengths move away from the own class, whichever it is; negative ones make it plainer.

The direction is the one that R-LACE ends at with two classes (Ravfogel et al. 2022, arXiv:2201.12091).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.added_vectors import SidedVector
from interpmark.methods.affine import AffineEdit
from interpmark.methods.classes import class_means, unit
from interpmark.methods.errors import MethodError, did_you_mean
from interpmark.methods.partial_edit import PartialEdit
from interpmark.methods.registry import register
from interpmark.methods.steering import Steering

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_MODES = ("translate", "reflect")


@register("swap", kind="steerer", claims={"affine"}, reference="arXiv:2201.12091", supports={"binary"})
@dataclass(frozen=True)
class Swap:
    """Put each class where the other is, along the difference of their means.

    Attributes:
        mode: `translate` or `reflect`.

    """

    mode: str = "reflect"

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise MethodError(f"unknown mode {self.mode!r}{did_you_mean(self.mode, _MODES)}")

    @property
    def claims(self) -> frozenset[str]:
        """What holds in this mode: the side of the boundary makes a translation two maps."""
        return frozenset({"affine"} if self.mode == "reflect" else ())

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Steering:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`, 0 and 1."""
        means = class_means(x.to(torch.float64), z)
        v = unit(means.difference)
        if self.mode == "translate":
            return SidedVector(-means.difference, v, means.middle)
        return PartialEdit(AffineEdit(v[:, None], 2 * v[:, None], center=means.middle))
