"""Linear shrinkage of a covariance towards a multiple of the identity (Bodnar, Gupta and Parolya 2014).

Σ̂ = α S + (1 − α) (tr S / d) I with α = 1 − (tr(S)² / n) / (‖S‖²_F − tr(S)² / d).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


def shrink(covariance: Tensor, n: int) -> Tensor:
    """Return the shrunk covariance of n rows, `[d, d]`.

    α is clamped to [0, 1]: with few rows the formula goes below zero, and on an isotropic S it divides by zero; there
    S is its own target, so nothing is lost.
    """
    d = covariance.shape[0]
    trace = float(covariance.diagonal().sum())
    spread = float(covariance.square().sum()) - trace**2 / d
    if spread <= torch.finfo(covariance.dtype).eps * d * trace**2:
        return covariance
    alpha = min(max(1.0 - trace**2 / n / spread, 0.0), 1.0)
    target = torch.eye(d, dtype=covariance.dtype, device=covariance.device) * (trace / d)
    return alpha * covariance + (1.0 - alpha) * target
