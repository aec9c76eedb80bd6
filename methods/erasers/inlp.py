"""INLP, iterative nullspace projection (Ravfogel et al. 2020, arXiv:2004.07667).

Repeat: fit a linear classifier W on x (I − B Bᵀ), add orth(W) to B, until B has `rank` columns; x' = x − B Bᵀ (x − μ).
Classes are told apart by logistic regression (one against the rest when there are more than two, so that a round gives
up to k directions), real labels by ridge regression.

Choices that the paper leaves open. The data are centred, and the edit with them, so that the mean stays. One scale for
all features makes the weight decay independent of units. A round may give more directions than are still wanted; the
ones with the largest singular values count. When Cov(x (I − B Bᵀ), z) is zero there is nothing left to find and the
rounds stop early. As the weight decay grows, the direction becomes the difference of means, and one round suffices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.errors import MethodError
from interpmark.methods.labels import is_classes, label_matrix
from interpmark.methods.logistic import LogisticRegressions, orthogonal_inverse
from interpmark.methods.registry import register
from interpmark.methods.statistics import statistics
from interpmark.methods.whitening import RANK_TOLERANCE, column_space, whitened_columns

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register(
    "inlp",
    kind="eraser",
    claims={"idempotent", "affine", "mean-preserving", "orthogonal"},
    reference="arXiv:2004.07667",
)
@dataclass(frozen=True)
class Inlp:
    """Project out the weights of one linear classifier after another.

    Attributes:
        rank: How many directions to remove.
        weight_decay: L2 strength next to the mean loss, for activations of mean variance one per feature. 1e-3 is the
            C = 1 of scikit-learn at n = 1000.

    """

    rank: int = 1
    weight_decay: float = 1e-3

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise MethodError(f"rank must be at least 1, not {self.rank}")
        if self.weight_decay <= 0:
            raise MethodError(f"weight_decay must be above zero, not {self.weight_decay}; without it no minimum exists")

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AffineEdit:
        """Fit on activations x `[n, d]` and labels z int64 `[n]` or float64 `[n, k]`."""
        x = x.to(torch.float64)
        mean = x.mean(0)
        centred = x - mean
        scale = centred.square().mean().sqrt().clamp_min(torch.finfo(x.dtype).tiny)
        basis = self._directions(centred / scale, z)  # [d, r]
        return AffineEdit(basis, basis, center=mean)

    def _directions(self, x: Tensor, z: Tensor) -> Tensor:
        n, d = x.shape
        if n <= d:
            space = column_space(x.T)  # [d, m], m < n: no classifier's weights have a part outside it
            return space @ self._directions(x @ space, z)
        classifiers = self._classifiers(x, z)
        associated = _covariance(x, z)  # [m, k]
        floor = RANK_TOLERANCE * torch.maximum(associated.norm(), x.square().mean(0).sum().sqrt())
        basis = x.new_zeros(d, 0)
        while basis.shape[1] < min(self.rank, d):
            if bool((associated - basis @ (basis.T @ associated)).norm() <= floor):
                break
            weights = classifiers(basis)  # [m, k]
            new = column_space(weights - basis @ (basis.T @ weights))[:, : self.rank - basis.shape[1]]
            basis = torch.linalg.qr(torch.cat([basis, new], dim=1)).Q
        return basis

    def _classifiers(self, x: Tensor, z: Tensor) -> Callable[[Tensor], Tensor]:
        """Return B ↦ W `[m, k]` on x (I − B Bᵀ): of one classifier for two classes, of k for more, of a regression."""
        if not is_classes(z):
            moments = statistics(x, label_matrix(z).reshape(x.shape[0], -1))
            inverse = torch.linalg.inv(moments.cov_xx + self.weight_decay * torch.eye(x.shape[1]).to(x))
            return lambda basis: orthogonal_inverse(inverse, basis) @ moments.cov_xz
        classes = torch.unique(z)
        told_apart = classes[1:] if len(classes) == 2 else classes
        return LogisticRegressions(x, z[:, None] == told_apart, self.weight_decay).weights


def _covariance(x: Tensor, z: Tensor) -> Tensor:
    """Return Cov(x, z̃) for whitened labels z̃, without the d² covariance of x."""
    labels = label_matrix(z).reshape(x.shape[0], -1)
    mean = labels.mean(0)
    centred = labels - mean
    return whitened_columns(x.T @ centred / x.shape[0], centred.T @ centred / x.shape[0], mean)
