"""R-LACE, relaxed linear adversarial concept erasure (Ravfogel et al. 2022, arXiv:2201.12091).

maximise over P the minimum over W and b of: mean loss(x (I − P) W + b, z) + (λ / 2) ‖W‖²

P runs over the orthogonal projections of rank r, relaxed to their convex hull, the Fantope {0 ⪯ P ⪯ I, tr P = r}. The
edit is x' = x − P (x − μ) for the P whose best adversary does worst on held-out rows.

How the game is played. The published loop alternates 50,000 stochastic gradient steps on W and on P, each of the latter
followed by a d × d eigendecomposition. Here the adversary is solved to convergence, and that gives the best move of P.
Write (I − P)^½ for I − P, which is the same at the vertices of the Fantope. The minimum over W and b is then, by
duality, a maximum over functions that are linear in P, so it is convex in P: it is largest at a vertex, a projection
already, and its slope is G Gᵀ / 2λ with G = Cov(x, residual) of the *unprojected* activations. A convex function lies
above its tangent, so the vertex where the tangent is largest, the span of the r leading left singular vectors of G,
never makes the adversary better. There is no step size, no d × d eigendecomposition and nothing to round.

Where it ends. The first move answers the adversary that only knows the shares of the classes: there G is −Cov(x, z).
When r is at least the rank of Cov(x, z) nothing linear is left after it: no adversary beats the constant, which is the
most that any P can reach, and every P that reaches it contains the column space of Cov(x, z). So with two classes and
r = 1 the solution of the game is the projection off the difference of means, and the loop approaches it. With fewer
directions than that the game goes on, and the held-out rows choose how strong its adversary is.

One scale for all features makes λ independent of units and leaves P an orthogonal projection of the activations, which
turns and shifts with them; a scale for each feature would tie the result to the axes. No more directions are removed
than Cov(x, z) has: the game gives no reason for another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import lazy_loader

from interpmark.methods.adversary import Adversary, Rows, adversary_labels, best_adversary, constant, principal_rows
from interpmark.methods.affine import AffineEdit
from interpmark.methods.errors import MethodError
from interpmark.methods.registry import register
from interpmark.methods.whitening import column_space

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

STRENGTHS = (1.0, 0.1, 0.01)
"""Weight decays λ of the adversaries, for activations of mean variance one a feature: weak ones first."""

HELD_OUT = 0.2  # of the rows of each class
_ROUNDS = 30
_GAIN = 1e-4  # of the constant's loss: a round that gains less is the last


@register(
    "rlace",
    kind="eraser",
    claims={"idempotent", "affine", "mean-preserving", "orthogonal"},
    reference="arXiv:2201.12091",
)
@dataclass(frozen=True)
class Rlace:
    """Project out the subspace against which the best linear adversary does worst.

    Attributes:
        rank: How many directions to remove, at most.

    """

    rank: int = 1

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise MethodError(f"rank must be at least 1, not {self.rank}")

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> AffineEdit:
        """Fit on activations x `[n, d]` and labels z int64 `[n]` or float64 `[n, k]`; the seed draws held-out rows."""
        x = x.to(torch.float64)
        mean = x.mean(0)
        scale = (x - mean).square().mean().sqrt().clamp_min(torch.finfo(x.dtype).tiny)
        scaled = (x - mean) / scale
        basis = first_move(scaled, adversary_labels(z))  # [d, rank of Cov(x, z)]
        if basis.shape[1] > self.rank:
            rows, axes = principal_rows(scaled, z)
            basis = axes @ self._play(rows, seed)
        return AffineEdit(basis, basis, center=mean)

    def _play(self, rows: Rows, seed: int) -> Tensor:
        """Play on a part of the rows, choose an end by the others, and play to that end on all rows."""
        train, held_out = _parts(rows.z, rows.classes, seed)
        losses = [_held_out_loss(rows.part(train), rows.part(held_out), b) for b in ends(rows.part(train), self.rank)]
        # Of equals the first, which took the fewest moves.
        best = max(range(len(losses)), key=lambda end: losses[end])
        return list(ends(rows, self.rank))[best]


class Move(NamedTuple):
    """A position of the game: what is projected out, `[m, r]`, and the best adversary against it."""

    basis: Tensor
    adversary: Adversary


def first_move(x: Tensor, z: Tensor) -> Tensor:
    """Return the column space `[d, r]` of Cov(x, z), x centred: the answer to the adversary that does not look at x."""
    centred = z - z.mean(0)
    floor = float((x.square().mean(0).sum() * centred.square().mean(0).sum()).sqrt())
    return column_space(x.T @ centred / x.shape[0], floor)


def game(rows: Rows, start: Tensor, weight_decay: float, adversary: Adversary | None = None) -> Iterator[Move]:
    """Yield the positions from a start `[m, r]` on, each with its solved adversary, until a move gains nothing.

    The adversary's value never falls from one position to the next.
    """
    basis, least = start, _GAIN * constant(rows).value
    before = None
    for _ in range(_ROUNDS):
        adversary = best_adversary(rows, basis, weight_decay, adversary)
        yield Move(basis, adversary)
        if before is not None and adversary.value - before <= least:
            return
        before = adversary.value
        residual = adversary.residual(rows.without(basis), rows.z, rows.classes)
        basis = column_space(rows.x.T @ residual)[:, : start.shape[1]]


def ends(rows: Rows, rank: int) -> Iterator[Tensor]:
    """Yield the first move, and then where the game ends against ever stronger adversaries, each from the last end."""
    basis, adversary = first_move(rows.x, rows.z)[:, :rank], None
    yield basis
    for weight_decay in STRENGTHS:
        *_, (basis, adversary) = game(rows, basis, weight_decay, adversary)
        yield basis


def _held_out_loss(train: Rows, held_out: Rows, basis: Tensor) -> float:
    """Return the held-out loss of the best adversary of any strength, or of the constant if none beats that."""
    adversary = constant(train)
    losses = [adversary.loss(held_out.x, held_out.z, held_out.classes)]
    edited = held_out.without(basis)
    for weight_decay in STRENGTHS:
        adversary = best_adversary(train, basis, weight_decay, adversary)
        losses.append(adversary.loss(edited, held_out.z, held_out.classes))
    return min(losses)


def _parts(z: Tensor, classes: bool, seed: int) -> tuple[Tensor, Tensor]:
    """Split row numbers into those played on and those held out, class by class, so that no class is only held out."""
    generator = torch.Generator().manual_seed(seed)
    kinds = z.argmax(1).cpu() if classes else torch.zeros(len(z), dtype=torch.int64)
    train, held_out = [], []
    for kind in range(int(kinds.max()) + 1):
        members = (kinds == kind).nonzero()[:, 0]
        members = members[torch.randperm(len(members), generator=generator)]
        count = int(HELD_OUT * len(members))
        held_out.append(members[:count])
        train.append(members[count:])
    return torch.cat(train).sort().values.to(z.device), torch.cat(held_out).sort().values.to(z.device)
