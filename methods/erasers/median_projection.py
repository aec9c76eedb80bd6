"""Median projection: along the differences of class means every activation gets the data's median.

A form of mean projection (Haghighatkhah et al. 2022, arXiv:2212.04273) with another centre.

x' = x − V (Vᵀx − m), V an orthonormal basis of the differences of class means and m the medians of Vᵀx. Since x'·v is
constant along the differences of *means*, no linear predictor is left; a difference of medians in place of V would
leave one on skewed data. With more than two classes the medians are taken along the principal axes of the class means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.erasers.mean_projection import mean_directions
from interpmark.methods.registry import register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register(
    "median-projection",
    kind="eraser",
    claims={"guards-linearly", "idempotent", "affine", "orthogonal"},
    reference="arXiv:2212.04273",
    supports={"binary", "multiclass"},
)
class MedianProjection:
    """Set the coordinates along the differences of class means to the data's median."""

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AffineEdit:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`.

        Raises:
            FitError: Labels are real numbers, or all class means are equal.

        """
        x = x.to(torch.float64)
        v = mean_directions(x, z)  # [d, r]
        mean = x.mean(0)
        medians = ((x - mean) @ v).quantile(0.5, dim=0)  # [r]
        return AffineEdit(v, v, center=mean + v @ medians)
