"""Steering along a probe's weights, as in inference-time intervention (Li et al. 2023, arXiv:2306.03341).

w are the weights of an L2 logistic regression that tells the classes apart. x' = x + strength · ((μ₁ − μ₀)·ŵ) ŵ:
strength 1 is the distance of the class means along ŵ. The paper does this at chosen heads and in units of the standard
deviation; here it is done at the site. What reads a concept best need not be what the subject acts on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.added_vectors import AddedVector
from interpmark.methods.classes import class_means, unit
from interpmark.methods.errors import MethodError
from interpmark.methods.logistic import logistic_weights
from interpmark.methods.registry import register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register("probe-steering", kind="steerer", claims={"affine"}, reference="arXiv:2306.03341", supports={"binary"})
@dataclass(frozen=True)
class ProbeSteering:
    """Add the weights of a logistic regression.

    Attributes:
        weight_decay: L2 strength next to the mean loss, for activations of mean variance one per feature.

    """

    weight_decay: float = 1e-3

    def __post_init__(self) -> None:
        if self.weight_decay <= 0:
            raise MethodError(f"weight_decay must be above zero, not {self.weight_decay}; without it no minimum exists")

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AddedVector:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`, 0 and 1."""
        x = x.to(torch.float64)
        difference = class_means(x, z).difference
        centred = x - x.mean(0)
        # one scale for all features makes the weight decay independent of units
        w = unit(logistic_weights(centred / centred.square().mean().sqrt(), z == 1, self.weight_decay))
        return AddedVector((difference @ w) * w)
