"""Logit-gradient projection: the direction along which the subject's answer moves fastest is projected out.

For classes c = 1, 2, ... the gradient of log p(answers of c) − log p(answers of class 0) with respect to the activation
at the site and slot, averaged over fit prompts: G `[d, k − 1]`. x' = x − Q Qᵀ (x − μ), Q an orthonormal basis of G.

It is the gradient of saliency maps (Simonyan, Vedaldi and Zisserman 2013, arXiv:1312.6034), averaged. It takes one pass
forward and back, and looks at what the subject does with the concept, not at where the concept is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.bench import FitBench
from interpmark.methods.logit_gradient import LogitGradient, mean_gradients
from interpmark.methods.registry import register

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_loader.load("torch")


@register(
    "logit-gradient-projection",
    kind="eraser",
    claims={"idempotent", "affine", "mean-preserving", "orthogonal"},
    reference="arXiv:1312.6034",
    supports={"binary", "multiclass"},
)
@dataclass(frozen=True)
class LogitGradientProjection(LogitGradient):
    """Project out the mean gradient of the answers' log-odds."""

    def fit_on(self, bench: FitBench, *, seed: int) -> AffineEdit:
        """Fit on the subject's answers.

        Raises:
            FitError: The answers do not depend on the activation at all.

        """
        gradients = mean_gradients(bench, self.prompts, seed)
        return AffineEdit.projection(gradients.T, center=bench.split.x.to(torch.float64).mean(0))
