"""Causal direction extraction: the subspace whose interchange between two prompts swaps the subject's answers.

With orthonormal V `[d, r]`, x_a' = x_a + V Vᵀ (x_b − x_a) at the site and slot, for prompts a and b of one template
with entities of different classes. V minimises the cross-entropy of b's class among the answers after a. It is
interchange intervention with pairs, as in distributed alignment search (Geiger et al. 2023, arXiv:2303.02536) with a
subspace of low rank. The eraser projects V out: x' = x − V Vᵀ (x − μ).

Choices. Adam, with V made orthonormal again after each step; a step's length goes with 1/√d, the size of a unit
vector's entries, and falls to zero. The first restart begins at the difference of class means, the others at random.
Entities are divided: V is fitted on most, and the best V on the rest is kept, the first restart's beginning among
them. So on held-out entities it is never worse than the difference of means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.bench import AnswersFrom, FitBench
from interpmark.methods.erasers.mean_projection import mean_directions
from interpmark.methods.errors import FitError, MethodError
from interpmark.methods.registry import register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_PAIRS = 256  # to fit on, and half as many to choose by
_BATCH = 32
_HELD_OUT = 0.25  # of the entities
_STEP = 0.1  # of a first step, relative to the size of a unit vector's entries


@register(
    "cde",
    kind="eraser",
    claims={"idempotent", "affine", "mean-preserving", "orthogonal"},
    reference="arXiv:2303.02536",
    supports={"binary", "multiclass"},
)
@dataclass(frozen=True)
class CausalDirectionExtraction:
    """Project out the subspace whose interchange swaps the subject's answers.

    Attributes:
        rank: Dimensions of the subspace.
        steps: Of Adam, in each restart.
        restarts: How often to begin anew.

    """

    rank: int = 1
    steps: int = 80
    restarts: int = 3
    needs_answers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, value in (("rank", self.rank), ("steps", self.steps), ("restarts", self.restarts)):
            if value < 1:
                raise MethodError(f"{name} must be at least 1, not {value}")

    def fit_on(self, bench: FitBench, *, seed: int) -> AffineEdit:
        """Fit on pairs of the fit prompts.

        Raises:
            FitError: The rank exceeds d, or there are no pairs.

        """
        basis = causal_subspace(bench, self.rank, self.steps, self.restarts, seed)
        return AffineEdit(basis, basis, center=bench.split.x.to(torch.float64).mean(0))


@dataclass(frozen=True, eq=False)
class Interchange:
    """Pairs `[m, 2]` of rows of x, and the subject that answers after the first of each.

    The loss of a subspace is the cross-entropy of the second's class, among the classes' answers.
    """

    x: Tensor
    z: Tensor
    pairs: Tensor
    answers: AnswersFrom

    def swapped(self, basis: Tensor, pairs: Tensor) -> Tensor:
        """The first activations with the second's component in the subspace, `[m, d]`."""
        first, second = self.x[pairs[:, 0]], self.x[pairs[:, 1]]
        return first + ((second - first) @ basis) @ basis.T

    def losses(self, basis: Tensor, pairs: Tensor) -> Tensor:
        """Cross-entropy of each pair, `[m]`, differentiable in the basis `[d, r]`."""
        log_probs = self.answers.log_probs(pairs[:, 0], self.swapped(basis, pairs))  # [m, k]
        wanted = self.z[pairs[:, 1]].to(log_probs.device)
        return torch.nn.functional.cross_entropy(log_probs, wanted, reduction="none")

    def success(self, basis: Tensor) -> float:
        """The share of pairs after which the second's class has the likeliest answers."""
        with torch.no_grad():
            log_probs = self.answers.log_probs(self.pairs[:, 0], self.swapped(basis, self.pairs))
        return float((log_probs.argmax(1).cpu() == self.z[self.pairs[:, 1]]).double().mean())


def causal_subspace(bench: FitBench, rank: int, steps: int, restarts: int, seed: int) -> Tensor:
    """Return the orthonormal basis `[d, rank]` that swaps best on held-out entities of the fit split."""
    x, z = bench.split.x.to(torch.float64), bench.split.z
    if rank > x.shape[1]:
        raise FitError(f"cannot find {rank} directions in activations of size {x.shape[1]}")
    generator = torch.Generator().manual_seed(seed)
    fitted, held_out = (
        interchange(bench, rows, limit, seed)
        for rows, limit in zip(_divided(bench, generator), (_PAIRS, _PAIRS // 2), strict=True)
    )
    candidates: list[Tensor] = []
    for restart in range(restarts):
        start = torch.randn(x.shape[1], rank, generator=generator, dtype=torch.float64)
        if restart == 0:
            means = mean_directions(x, z)[:, :rank]
            start = torch.cat([means, start[:, means.shape[1] :]], dim=1)
            candidates.append(_orthonormal(start))
        candidates.append(_descend(fitted, _orthonormal(start), steps, generator))
    with torch.no_grad():
        losses = [float(held_out.losses(basis, held_out.pairs).mean()) for basis in candidates]
    return candidates[losses.index(min(losses))]


def interchange(bench: FitBench, rows: Tensor, limit: int, seed: int) -> Interchange:
    """Return pairs among the rows, at most `limit` of them."""
    pairs = bench.pairs(rows, seed)
    order = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(seed))[:limit]
    pairs = pairs[order.sort().values]
    return Interchange(bench.split.x.to(torch.float64), bench.split.z, pairs, bench.continuation(pairs[:, 0]))


def _divided(bench: FitBench, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows to fit on and rows to choose by, with no entity in both; each has every class's share of entities."""
    groups = torch.as_tensor(bench.split.groups)
    held_out = torch.zeros(len(groups), dtype=torch.bool)
    for c in sorted(set(bench.split.z.tolist())):
        entities: Tensor = torch.unique(groups[bench.split.z == c])
        chosen = entities[torch.randperm(len(entities), generator=generator)[: max(1, int(len(entities) * _HELD_OUT))]]
        held_out |= torch.isin(groups, chosen)
    return (~held_out).nonzero()[:, 0], held_out.nonzero()[:, 0]


def _descend(fitted: Interchange, basis: Tensor, steps: int, generator: torch.Generator) -> Tensor:
    """Return the basis after Adam, made orthonormal again at each step."""
    by_row = dict(zip(fitted.pairs[:, 0].tolist(), fitted.pairs, strict=True))
    groups = [torch.stack([by_row[row] for row in rows.tolist()]) for rows in fitted.answers.groups]
    weights = torch.tensor([len(group) for group in groups], dtype=torch.float64)
    free = basis.clone().requires_grad_()
    optimizer = torch.optim.Adam([free])
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = _STEP / len(basis) ** 0.5 * (1 - step / steps)
        group = groups[int(torch.multinomial(weights, 1, generator=generator))]
        batch = group[torch.randperm(len(group), generator=generator)[:_BATCH]]
        optimizer.zero_grad()
        fitted.losses(free, batch).mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        with torch.no_grad():
            free.copy_(_orthonormal(free))
    return free.detach()


def _orthonormal(columns: Tensor) -> Tensor:
    """Return an orthonormal basis of the same span, each column on the side of the one it comes from."""
    q, r = torch.linalg.qr(columns)
    signs = r.diagonal().sign()
    basis: Tensor = q * torch.where(signs == 0, 1.0, signs)
    return basis
