"""Mean projection (Haghighatkhah et al. 2022, arXiv:2212.04273).

x' = x − V Vᵀ (x − μ), V an orthonormal basis of the differences of the class means: one direction for two classes,
k − 1 for k. Afterwards all class means are equal, so that no linear predictor beats a constant on the fit data. The
centre μ, which the paper leaves out, keeps the mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.errors import FitError
from interpmark.methods.labels import is_classes
from interpmark.methods.registry import register
from interpmark.methods.whitening import RANK_TOLERANCE, column_space

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register(
    "mean-projection",
    kind="eraser",
    claims={"guards-linearly", "idempotent", "affine", "mean-preserving", "orthogonal"},
    reference="arXiv:2212.04273",
    supports={"binary", "multiclass"},
)
class MeanProjection:
    """Project out the differences of the class means."""

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AffineEdit:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`.

        Raises:
            FitError: Labels are real numbers, or all class means are equal, so that there is nothing to project out.

        """
        directions = mean_directions(x.to(torch.float64), z)
        return AffineEdit(directions, directions, center=x.to(torch.float64).mean(0))


def mean_directions(x: Tensor, z: Tensor) -> Tensor:
    """Return an orthonormal basis `[d, k − 1]` of the differences of class means; classes without rows do not count.

    Raises:
        FitError: Labels are real numbers, or all class means are equal.

    """
    if not is_classes(z):
        raise FitError("differences of class means need classes: z must be int64 [n]")
    classes = sorted(set(z.tolist()))
    deviations = [x[z == c].mean(0) - x.mean(0) for c in classes]  # each [d]
    # rare classes have the longest deviations and common ones the shortest, but each is as good a direction
    means = torch.stack(deviations, dim=1)  # [d, k]
    if not bool((means.abs() > RANK_TOLERANCE * x.abs().amax(0, keepdim=True).T).any()):
        raise FitError(
            f"the means of {len(deviations)} class{'es' * (len(deviations) != 1)} do not differ: there is no direction"
        )
    return column_space(means)
