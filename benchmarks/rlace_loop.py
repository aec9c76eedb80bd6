"""R-LACE as it was published (Ravfogel et al. 2022): stochastic gradient steps, and a Fantope projection after each.

Two classes, float32. In turn, on a batch of 128 rows each: a step on P that raises the adversary's loss, after which P
is made symmetric and brought back to the Fantope by an eigendecomposition and a bisection; and a step on the adversary
that lowers it. After every 1,000 steps P is rounded to its leading eigenvectors and three of scikit-learn's
SGDClassifier are trained on the rows; the P whose best classifier has the highest loss is kept, and the loop stops when
the best accuracy is within 0.0015 of the majority rate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from torch.nn.functional import binary_cross_entropy_with_logits

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

STEPS, BATCH, RATE, WEIGHT_DECAY, CLOSE = 50_000, 128, 0.005, 1e-4, 0.0015
EVERY, JUDGES = 1000, 3


@dataclass
class PublishedLoop:
    """The loop, and where it stands.

    Attributes:
        x: `[n, d]` float32.
        z: `[n]` float32, 0 or 1.
        rank: How many directions to remove.
        generator: Draws the start and the batches.

    """

    x: Tensor
    z: Tensor
    rank: int
    generator: torch.Generator
    done: int = 0
    basis: Tensor | None = None
    loss: float = -1.0
    finished: bool = False
    p: Tensor = field(init=False)
    weights: Tensor = field(init=False)
    bias: Tensor = field(init=False)

    def __post_init__(self) -> None:
        d = self.x.shape[1]
        start = 0.1 * torch.randn(d, d, generator=self.generator)
        self.p = fantope((start + start.T) / 2, self.rank).requires_grad_()
        self.weights = (torch.randn(d, generator=self.generator) / d**0.5).requires_grad_()
        self.bias = torch.zeros(1, requires_grad=True)
        self._up = torch.optim.SGD([self.p], lr=RATE, weight_decay=WEIGHT_DECAY)
        self._down = torch.optim.SGD([self.weights, self.bias], lr=RATE, weight_decay=WEIGHT_DECAY)

    def run(self, steps: int) -> Tensor:
        """Take steps, fewer if the loop stops by itself, and return the basis `[d, rank]` that it would hand out."""
        for _ in range(steps):
            if self.finished:
                break
            self._step()
            self.done += 1
            if self.done % EVERY == 0:
                self._judge()
        return leading(self.p.detach(), self.rank) if self.basis is None else self.basis

    def _step(self) -> None:
        self._up.zero_grad()
        (-self._batch_loss()).backward()  # type: ignore[no-untyped-call]
        self._up.step()
        with torch.no_grad():
            self.p.copy_(fantope((self.p + self.p.T) / 2, self.rank))
        self._down.zero_grad()
        self._batch_loss().backward()  # type: ignore[no-untyped-call]
        self._down.step()

    def _batch_loss(self) -> Tensor:
        rows = torch.randint(len(self.x), (BATCH,), generator=self.generator)
        x = self.x[rows]
        return binary_cross_entropy_with_logits((x - x @ self.p) @ self.weights + self.bias, self.z[rows])

    def _judge(self) -> None:
        basis = leading(self.p.detach(), self.rank)
        edited, labels = (self.x - (self.x @ basis) @ basis.T).numpy(), self.z.numpy().astype(np.int64)
        losses, accuracies = [], []
        for judge in range(JUDGES):
            model = SGDClassifier(loss="log_loss", random_state=judge).fit(edited, labels)
            losses.append(log_loss(labels, model.predict_proba(edited)))
            accuracies.append(model.score(edited, labels))
        if min(losses) > self.loss:
            self.basis, self.loss = basis, min(losses)
        majority = max(labels.mean(), 1 - labels.mean())
        self.finished = bool(abs(max(accuracies) - majority) < CLOSE)


def fantope(p: Tensor, rank: int) -> Tensor:
    """Return the nearest matrix whose eigenvalues lie between 0 and 1 and sum to the rank."""
    values, vectors = torch.linalg.eigh(p)
    low, high = float(values[0]) - 1, float(values[-1])
    for _ in range(50):
        shift = (low + high) / 2
        low, high = (shift, high) if float((values - shift).clamp(0, 1).sum()) > rank else (low, shift)
    return (vectors * (values - high).clamp(0, 1)) @ vectors.T


def leading(p: Tensor, rank: int) -> Tensor:
    """Return the leading eigenvectors `[d, rank]`."""
    return torch.linalg.eigh(p).eigenvectors[:, -rank:]


def scaled(x: NDArray[np.float64]) -> Tensor:
    """Return the rows centred and with a mean variance of one a feature, in float32."""
    centred = x - x.mean(0)
    return torch.from_numpy((centred / np.sqrt(np.square(centred).mean())).astype(np.float32))
