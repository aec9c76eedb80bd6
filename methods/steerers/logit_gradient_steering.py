"""Steering along the gradient of the answers, that of saliency maps (Simonyan et al. 2013, arXiv:1312.6034).

v = the gradient of log p(answers of class 1) − log p(answers of class 0) with respect to the activation at the site and
slot, averaged over fit prompts. x' = x + strength · ‖μ₁ − μ₀‖ v̂: as long as CAA's vector, along the direction that
moves the answers fastest, wherever the classes are. That holds for small steps; how far it carries, the sweep shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.added_vectors import AddedVector
from interpmark.methods.bench import FitBench
from interpmark.methods.classes import class_means
from interpmark.methods.logit_gradient import LogitGradient, mean_gradients
from interpmark.methods.registry import register

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_loader.load("torch")


@register(
    "logit-gradient-steering", kind="steerer", claims={"affine"}, reference="arXiv:1312.6034", supports={"binary"}
)
@dataclass(frozen=True)
class LogitGradientSteering(LogitGradient):
    """Add the mean gradient of the answers' log-odds."""

    def fit_on(self, bench: FitBench, *, seed: int) -> AddedVector:
        """Fit on the subject's answers.

        Raises:
            FitError: The answers do not depend on the activation at all.

        """
        gradient = mean_gradients(bench, self.prompts, seed)[0]  # [d]
        length = class_means(bench.split.x.to(torch.float64), bench.split.z).difference.norm()
        return AddedVector(length * gradient / gradient.norm())
