"""The best linear adversary on given rows: a generalised linear model with an L2 penalty, solved to convergence.

minimise over W and b: mean of A(x W + b) − z·(x W + b) over rows, plus (weight_decay / 2) ‖W‖²

with A the log-sum-exp for classes (z one-hot: softmax regression) and half the squared length for real labels (ridge
regression). Either way the residual of a row is A'(x W + b) − z.

L-BFGS from a warm start, in coordinates in which the curvature at W = 0 is one: along the principal axes of the rows,
each divided by the root of its curvature. What is left of the condition number is the labels', and tens of steps do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.labels import is_classes, label_matrix
from interpmark.methods.statistics import statistics
from interpmark.methods.whitening import whitened_columns

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_STEPS = 300
_TOLERANCE = 1e-5  # of the gradient, in coordinates of curvature one: the value is right to its square
_SOFTMAX_CURVATURE = 0.25  # no probability varies more


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows that an adversary learns on.

    Attributes:
        x: `[n, m]` float64, centred, along the principal axes of the activations.
        z: `[n, k]` float64: one-hot classes, or whitened real labels.
        variances: `[m]`, of the axes.
        classes: Whether z stands for classes.

    """

    x: Tensor
    z: Tensor
    variances: Tensor
    classes: bool

    def part(self, which: Tensor) -> Rows:
        """Return some of the rows, along the same axes."""
        return Rows(self.x[which], self.z[which], self.variances, self.classes)

    def without(self, basis: Tensor) -> Tensor:
        """Return x (I − B Bᵀ), `[n, m]`, for an orthonormal basis B `[m, r]`."""
        return self.x - (self.x @ basis) @ basis.T


@dataclass(frozen=True, eq=False)
class Adversary:
    """A fitted adversary.

    Attributes:
        weights: `[m, k]`.
        bias: `[k]`.
        value: The minimum that it found, penalty included.

    """

    weights: Tensor
    bias: Tensor
    value: float

    def loss(self, x: Tensor, z: Tensor, classes: bool) -> float:
        """Return the mean loss on rows, in nats (half squared errors for real labels), penalty left out."""
        return float(_losses(x @ self.weights + self.bias, z, classes).mean())

    def residual(self, x: Tensor, z: Tensor, classes: bool) -> Tensor:
        """Return prediction minus label, `[n, k]`."""
        return _predicted(x @ self.weights + self.bias, classes) - z


def principal_rows(x: Tensor, z: Tensor) -> tuple[Rows, Tensor]:
    """Return the rows of centred activations x `[n, d]` along their principal axes, and the axes `[d, m]`."""
    variances, axes = torch.linalg.eigh(x.T @ x / x.shape[0])
    keep = variances > variances[-1] * 4 * max(variances.shape[0], 32) * torch.finfo(x.dtype).eps
    axes = axes[:, keep]
    return Rows(x @ axes, adversary_labels(z), variances[keep], is_classes(z)), axes


def adversary_labels(z: Tensor) -> Tensor:
    """Return the labels as the loss takes them, `[n, k]`: one-hot, or whitened so that units do not count."""
    labels = label_matrix(z).reshape(z.shape[0], -1)
    if is_classes(z):
        return labels[:, labels.sum(0) > 0]
    moments = statistics(labels, labels)
    w = whitened_columns(torch.eye(labels.shape[1]).to(labels), moments.cov_zz, moments.mean_z)  # [k, r]
    return (labels - moments.mean_z) @ w


def constant(rows: Rows) -> Adversary:
    """Return the best adversary that does not look at x: it knows the shares of the classes, or the labels' mean."""
    mean = rows.z.mean(0)
    bias = mean.log() if rows.classes else mean
    weights = rows.x.new_zeros(rows.x.shape[1], rows.z.shape[1])
    return Adversary(weights, bias, float(_losses(bias.expand_as(rows.z), rows.z, rows.classes).mean()))


def best_adversary(rows: Rows, basis: Tensor, weight_decay: float, start: Adversary | None = None) -> Adversary:
    """Return the best adversary on x (I − B Bᵀ); every class must have rows.

    Args:
        rows: What it learns on.
        basis: `[m, r]` orthonormal, what is projected out.
        weight_decay: Strength of the L2 penalty next to the mean loss, above zero.
        start: Where to begin; by default at the constant.

    """
    from scipy.optimize import minimize

    start = start or constant(rows)
    n, k = rows.z.shape
    curvature = _SOFTMAX_CURVATURE if rows.classes else 1.0
    scale = (curvature * rows.variances + weight_decay).rsqrt()[:, None]  # [m, 1]
    x = rows.without(basis)

    def value_and_slope(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w, bias = _split(torch.from_numpy(flat).to(x), k, scale)
        scores = x @ w + bias  # [n, k]
        value = _losses(scores, rows.z, rows.classes).mean() + weight_decay / 2 * w.square().sum()
        residual = (_predicted(scores, rows.classes) - rows.z) / n
        slope = torch.cat([scale * (x.T @ residual + weight_decay * w), residual.sum(0)[None]])
        return float(value), slope.flatten().cpu().numpy()

    first = torch.cat([start.weights / scale, start.bias[None]]).flatten().cpu().numpy()
    found = minimize(
        value_and_slope,
        first,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _STEPS, "maxcor": 20, "gtol": _TOLERANCE, "ftol": 1e-10},
    )
    weights, bias = _split(torch.from_numpy(found.x).to(x), k, scale)
    return Adversary(weights, bias, float(found.fun))


def _split(flat: Tensor, k: int, scale: Tensor) -> tuple[Tensor, Tensor]:
    both = flat.reshape(-1, k)
    return both[:-1] * scale, both[-1]


def _losses(scores: Tensor, z: Tensor, classes: bool) -> Tensor:
    if classes:
        return scores.logsumexp(1) - (scores * z).sum(1)
    return (scores - z).square().sum(1) / 2


def _predicted(scores: Tensor, classes: bool) -> Tensor:
    return scores.softmax(1) if classes else scores
