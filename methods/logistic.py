"""L2-regularised logistic regressions that share their rows, solved exactly and together.

minimise over w ⊥ B and b: mean log(1 + exp(−s (w·x + b))) + (weight_decay / 2) ‖w‖², s = ±1, b free,

one problem for each column of labels. With the columns B orthonormal this is the regression on x (I − B Bᵀ), which is
how INLP asks for it, round after round.

Newton's method with an exact line search. A step of all problems is found by conjugate gradients, so that it costs
products with the rows and no Hessian of each class; the preconditioner is the inverse of one Hessian, the mean over the
classes, and stays in use, from step to step and from round to round, for as long as few products are enough with it.
Weights of an earlier round are no better start than zero: what it found is orthogonal to what is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.conjugate import solve_columns
from interpmark.methods.errors import FitError
from interpmark.methods.products import product, transposed_product

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_TOLERANCE = 1e-8  # of the gradient at w = 0; the last Newton step usually lands far below it
_ROUNDING = 32 * 2.0**-52  # of the rows' length: no gradient is known better
_FEW_DIGITS = 1e-4  # a step in float32 is right to about this, and then no further
_MAX_STEPS = 200
_FEW_PRODUCTS = 12  # with the Hessian, in a step; with more a new preconditioner is cheaper


def logistic_weights(x: Tensor, positive: Tensor, weight_decay: float) -> Tensor:
    """Return the weights `[d]` of one regression on x `[n, d]` float64, given its positive rows, bool `[n]`."""
    return LogisticRegressions(x, positive[:, None], weight_decay).weights(x.new_zeros(x.shape[1], 0))[:, 0]


class LogisticRegressions:
    """Regressions on the same rows, one for each column of labels.

    Args:
        x: `[n, d]` float64.
        positive: bool `[n, k]`, each column with both values.
        weight_decay: Strength of the L2 penalty next to the mean loss; more than zero, so that a minimum exists.

    """

    def __init__(self, x: Tensor, positive: Tensor, weight_decay: float) -> None:
        n, d = x.shape
        self._rows = torch.cat([x, x.new_ones(n, 1)], dim=1)  # [n, d + 1]
        self._coarse = self._rows.float()
        self._sign = torch.where(positive, 1.0, -1.0).to(x.dtype)  # [n, k]
        self._penalty = x.new_full((d + 1, 1), weight_decay)
        self._penalty[-1] = 0.0
        self._prior = x.new_zeros(d + 1, positive.shape[1])
        self._prior[-1] = torch.logit(positive.to(x.dtype).mean(0))  # the best bias for w = 0
        self._rounding = _ROUNDING * self._rows.square().sum(1).mean().sqrt()
        self._inverse: Tensor | None = None  # [d + 1, d + 1], of a Hessian; stale as soon as a step is made
        self._orthogonal: Tensor | None = None  # the same where the basis is left out

    def weights(self, basis: Tensor) -> Tensor:
        """Return the converged weights `[d, k]` that are orthogonal to an orthonormal basis `[d, r]`.

        Raises:
            FitError: No convergence, which the convexity of the problem leaves to overflow alone.

        """
        basis = torch.cat([basis, basis.new_zeros(1, basis.shape[1])])  # [d + 1, r]: the bias is free
        self._orthogonal = None
        w, margin = self._prior.clone(), self._sign * self._prior[-1]
        start: Tensor | None = None
        before = 1.0
        for _ in range(_MAX_STEPS):
            miss = torch.sigmoid(-margin)  # [n, k], the probability given to the wrong class
            slopes = transposed_product(self._rows, self._sign * miss) / -len(miss)  # [d + 1, k]
            gradient = _without(basis, slopes) + self._penalty * w
            length = gradient.norm(dim=0)  # [k]
            start = length if start is None else start
            going = length > torch.maximum(_TOLERANCE * start, self._rounding)
            if not bool(going.any()):
                return w[:-1]
            curvature = miss[:, going] * (1.0 - miss[:, going])
            left = length[going] / start[going]
            # Float32 does for a step, in half the time; unless the last one was near the optimum and gained little.
            stuck = _FEW_DIGITS > before < 10 * float(left.max())
            before = float(left.max())
            rows = self._rows if stuck else self._coarse
            step = self._step(rows, basis, curvature, gradient[:, going], left.sqrt().clamp(_FEW_DIGITS, 0.3))
            slope = self._sign[:, going] * product(self._rows, step)
            linear, quadratic = ((self._penalty * other * step).sum(0) for other in (w[:, going], step))
            size = _exact_step(margin[:, going], slope, linear, quadratic)
            w[:, going] += size * step
            margin[:, going] += size * slope
        raise FitError(f"logistic regression did not converge in {_MAX_STEPS} Newton steps; scale the activations")

    def _step(self, rows: Tensor, basis: Tensor, curvature: Tensor, gradient: Tensor, tolerance: Tensor) -> Tensor:
        """Return Newton steps `[d + 1, k]` to a relative residual `[k]`, found in the precision of the rows."""
        curvature, basis_, penalty = (each.to(rows.dtype) for each in (curvature / len(rows), basis, self._penalty))

        def hessian(direction: Tensor) -> Tensor:
            curved = transposed_product(rows, curvature * product(rows, direction))
            return _without(basis_, curved) + penalty * direction

        if self._inverse is None:
            self._inverse = self._inverse_hessian(curvature.mean(1))
        if self._orthogonal is None:
            self._orthogonal = orthogonal_inverse(self._inverse, basis)
        inverse = self._orthogonal.to(rows.dtype)
        target = -gradient.to(rows.dtype)
        found = solve_columns(hessian, target, lambda residual: product(inverse, residual), tolerance.to(rows.dtype))
        if found.products > _FEW_PRODUCTS:
            self._inverse = self._orthogonal = None
        # In float32 the step is orthogonal to a few digits only, and what is not would stay.
        return _without(basis, found.columns.to(gradient.dtype))

    def _inverse_hessian(self, curvature: Tensor) -> Tensor:
        """Return the inverse of rowsᵀ diag(curvature) rows + penalty."""
        for rows in (self._coarse, self._rows):  # at a small weight decay float32 may leave it indefinite
            weighted = rows * curvature.sqrt()[:, None].to(rows.dtype)
            hessian = (weighted.T @ weighted).to(self._penalty.dtype) + torch.diag(self._penalty[:, 0])
            factor, failed = torch.linalg.cholesky_ex(hessian)
            if not int(failed):
                return torch.cholesky_inverse(factor)
        # Every margin is large, so that even the free bias has no curvature left.
        ridge = hessian.diagonal().mean() * torch.finfo(hessian.dtype).eps * len(hessian)
        return torch.cholesky_inverse(torch.linalg.cholesky(hessian + ridge * torch.eye(len(hessian)).to(hessian)))


def orthogonal_inverse(inverse: Tensor, basis: Tensor) -> Tensor:
    """Return B⊥ (B⊥ᵀ H B⊥)⁻¹ B⊥ᵀ for an inverse H⁻¹ `[d, d]` and a basis B `[d, r]`: H inverted where B is left out."""
    read = inverse @ basis  # [d, r]
    there: Tensor = torch.linalg.solve(basis.T @ read, read.T)  # [r, d]
    return inverse - read @ there


def _without(basis: Tensor, columns: Tensor) -> Tensor:
    return columns - basis @ (basis.T @ columns)


def _exact_step(margin: Tensor, slope: Tensor, linear: Tensor, quadratic: Tensor) -> Tensor:
    """Return the t > 0 `[k]` that minimise the objectives along a step; Newton's method in one variable each.

    Full steps creep up on separable data, where each adds about one to the margins; this one costs n and not n d.
    """
    t = torch.ones_like(linear)
    for _ in range(50):
        miss = torch.sigmoid(-(margin + t * slope))  # [n, k]
        first = linear + t * quadratic - (slope * miss).mean(0)
        second = quadratic + (slope.square() * miss * (1.0 - miss)).mean(0)
        new = torch.where(second > 0.0, t - first / second, t).clamp(t / 4, 4 * t)
        done = (new - t).abs() < 1e-3 * t
        t = new
        if bool(done.all()):
            break
    return t
