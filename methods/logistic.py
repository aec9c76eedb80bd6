"""L2-regularised logistic regression, solved exactly: Newton's method with an exact line search.

minimise over w and b: mean log(1 + exp(−s (w·x + b))) + (weight_decay / 2) ‖w‖², s = ±1, b free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.errors import FitError

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_TOLERANCE = 1e-8  # of the gradient at w = 0; the last Newton step usually lands far below it
_ROUNDING = 32 * 2.0**-52  # of the rows' length: no gradient is known better
_FAR = 1e-4  # of the gradient at w = 0
_MAX_STEPS = 200


def logistic_weights(x: Tensor, positive: Tensor, weight_decay: float) -> Tensor:
    """Return the weights w `[d]` of the converged regression.

    Args:
        x: `[n, d]` float64.
        positive: bool `[n]`, with both values.
        weight_decay: Strength of the L2 penalty next to the mean loss; more than zero, so that a minimum exists.

    Raises:
        FitError: No convergence, which the convexity of the problem leaves to overflow alone.

    """
    n, d = x.shape
    rows = torch.cat([x, x.new_ones(n, 1)], dim=1)  # [n, d + 1]
    coarse = rows.float()
    sign = torch.where(positive, 1.0, -1.0).to(x.dtype)
    penalty = torch.full((d + 1,), weight_decay, dtype=x.dtype, device=x.device)
    penalty[-1] = 0.0
    w = torch.zeros_like(penalty)
    w[-1] = torch.logit(positive.to(x.dtype).mean())  # the best bias for w = 0
    margin = sign * w[-1]  # [n]
    rounding = _ROUNDING * float(rows.square().sum(1).mean().sqrt())
    start = None
    for _ in range(_MAX_STEPS):
        miss = torch.sigmoid(-margin)  # [n], the probability given to the wrong class
        gradient = penalty * w - rows.T @ (sign * miss) / n
        length = float(gradient.norm())
        start = length if start is None else start
        if length <= max(_TOLERANCE * start, rounding):
            return w[:-1]
        # Far from the optimum a step need not be exact, and float32 gives it in half the time.
        here = coarse if length > _FAR * start else rows
        weighted = here * (miss * (1.0 - miss) / n).sqrt()[:, None].to(here.dtype)
        step = -_solve((weighted.T @ weighted).to(x.dtype) + torch.diag(penalty), gradient)
        slope = sign * (rows @ step)
        size = _exact_step(margin, slope, float((penalty * w) @ step), float((penalty * step) @ step))
        w = w + size * step
        margin = margin + size * slope
    raise FitError(f"logistic regression did not converge in {_MAX_STEPS} Newton steps; scale the activations")


def _solve(hessian: Tensor, gradient: Tensor) -> Tensor:
    factor, failed = torch.linalg.cholesky_ex(hessian)
    if int(failed):  # every margin is large, so that even the free bias has no curvature left
        ridge = hessian.diagonal().mean() * torch.finfo(hessian.dtype).eps * hessian.shape[0]
        factor = torch.linalg.cholesky(hessian + ridge * torch.eye(hessian.shape[0]).to(hessian))
    return torch.cholesky_solve(gradient[:, None], factor)[:, 0]


def _exact_step(margin: Tensor, slope: Tensor, linear: float, quadratic: float) -> float:
    """Return the t > 0 that minimises the objective along a step; Newton's method in one variable.

    Full steps creep up on separable data, where each adds about one to the margins; this one costs n and not n d².
    """
    t = 1.0
    for _ in range(50):
        miss = torch.sigmoid(-(margin + t * slope))
        first = float(-(slope * miss).mean()) + linear + t * quadratic
        second = float((slope.square() * miss * (1.0 - miss)).mean()) + quadratic
        if second <= 0.0:
            break
        new = min(max(t - first / second, t / 4), 4 * t)
        if abs(new - t) < 1e-3 * t:
            return new
        t = new
    return t
