"""Random steering: x' = x + strength · ‖μ₁ − μ₀‖ r̂, r̂ a random unit vector. The control for CAA, of the same length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.added_vectors import AddedVector
from interpmark.methods.classes import class_means
from interpmark.methods.erasers.random_direction import random_basis
from interpmark.methods.registry import register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register("random-steering", kind="steerer", claims={"affine"}, control=True, supports={"binary"})
class RandomSteering:
    """Add a random vector as long as the difference of the class means."""

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AddedVector:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`, 0 and 1."""
        length = class_means(x.to(torch.float64), z).difference.norm()
        return AddedVector(length * random_basis(x.shape[1], 1, seed)[:, 0].to(length))
