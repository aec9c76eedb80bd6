"""AlterRep (Ravfogel et al. 2021, arXiv:2105.06965).

x' = x − W Wᵀ(x − μ) + strength · W |Wᵀ(x − μ)|, the columns of W INLP's directions, turned towards class 1. What lies
along them is taken out and put back on one side: class 1's for positive strengths, class 0's for negative ones;
strength 0 is the erasure by INLP. The centre μ, the mean, stands in for the classifiers' biases.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.classes import class_means
from interpmark.methods.erasers.inlp import Inlp
from interpmark.methods.registry import register
from interpmark.methods.set_coordinates import MirroredCoordinates

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register("alter-rep", kind="steerer", claims={"idempotent"}, reference="arXiv:2105.06965", supports={"binary"})
@dataclass(frozen=True)
class AlterRep:
    """Put what INLP would remove on one class's side.

    Attributes:
        rank: How many directions of INLP.
        weight_decay: INLP's.

    """

    rank: int = 4
    weight_decay: float = 1e-3

    def __post_init__(self) -> None:
        self._inlp()  # which checks the parameters

    def _inlp(self) -> Inlp:
        return Inlp(rank=self.rank, weight_decay=self.weight_decay)

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> MirroredCoordinates:
        """Fit on activations x `[n, d]` and classes z int64 `[n]`, 0 and 1."""
        x = x.to(torch.float64)
        difference = class_means(x, z).difference
        w = self._inlp().fit(x, z, seed=seed).read  # [d, k]
        towards_one = torch.where(difference @ w < 0, -1.0, 1.0).to(w)
        return MirroredCoordinates(w * towards_one, x.mean(0))
