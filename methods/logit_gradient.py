"""The gradient of the answers with respect to an activation, which the logit-gradient methods are fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import lazy_loader

from interpmark.methods.bench import FitBench
from interpmark.methods.errors import FitError, MethodError

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_AT_ONCE = 64  # prompts whose keys and values are held in memory


@dataclass(frozen=True)
class LogitGradient:
    """A method that is fitted on the mean gradient of the answers' log-odds.

    Attributes:
        prompts: How many of the fit prompts to average over, at most; they are drawn by the seed.

    """

    prompts: int = 512
    needs_answers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.prompts < 1:
            raise MethodError(f"prompts must be at least 1, not {self.prompts}")


def mean_gradients(bench: FitBench, prompts: int, seed: int) -> Tensor:
    """Return the gradients `[k - 1, d]` averaged over at most so many fit prompts, drawn by the seed.

    Raises:
        FitError: The answers do not depend on the activation at all.

    """
    x = bench.split.x.to(torch.float64)
    rows = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:prompts].sort().values
    parts = [log_odds_gradients(bench, some, x[some]) for some in _chunks(rows)]
    gradients = torch.cat(parts).mean(0)
    if not bool((gradients.norm(dim=1) > 0).any()):
        raise FitError(f"the answers do not depend on the activation at {bench.site} and the slot")
    return gradients


def _chunks(rows: Tensor) -> Iterator[Tensor]:
    return (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))


def log_odds_gradients(bench: FitBench, rows: Tensor, x: Tensor) -> Tensor:
    """Return the gradient of each class's log-odds against class 0 with respect to x `[m, d]`: `[m, k - 1, d]`."""
    given = x.clone().requires_grad_()
    answers = bench.continuation(rows).log_probs(rows, given)  # [m, k]
    odds = answers[:, 1:] - answers[:, :1]
    # prompts do not see each other, so the gradient of the sum holds the gradients of all of them
    parts = [torch.autograd.grad(odds[:, c].sum(), given, retain_graph=True)[0] for c in range(odds.shape[1])]
    return torch.stack(parts, dim=1)
