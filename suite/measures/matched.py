"""The steering effect at a given perplexity damage: what a sweep has moved where it first costs so much.

In each direction that side of the sweep counts on which more is to be had at this damage or less, and on it the first
crossing of the level from strength 0 on, interpolated linearly between neighbouring strengths. Between 0 and a weakest
strength that has broken the subject nothing is interpolated.

Where the damage crosses is measured on a sample of documents, and what has been moved there on one of prompts. So the
interval draws both, apart from each other: each draw has a damage and an effect at every strength, looks for the
crossing anew, and takes its effect there. A draw that does not cross has no effect at this damage. It may lie anywhere
and counts beyond both ends of the interval; with more of them than an end leaves out there is no interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interpmark.reports.estimate import Estimate
from interpmark.reports.intervals import clustered_of_two

from .estimates import Scored, clusters, estimate
from .steering import DIRECTIONS, Answers, Floats

COARSE = 10
"""A weakest strength that costs more times the level than this says nothing of where the level is crossed."""


@dataclass(frozen=True, eq=False)
class Swept:
    """What a sweep has measured.

    Attributes:
        strengths: Ascending, `[S]`.
        h: Log-odds of the prompts after the edit at each strength, `[S, n]`.
        damage: Of each document at each strength, summed over its tokens, `[S, D]` nats.
        tokens: Tokens of each document, `[D]`.

    """

    strengths: Sequence[float]
    h: Floats
    damage: Floats
    tokens: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        if not self.h.ndim == self.damage.ndim == 2 or self.damage.shape[1:] != self.tokens.shape:
            raise ValueError(f"sweep: h {self.h.shape} is not [S, n], or damage {self.damage.shape} not [S, D]")
        if not len(self.strengths) == len(self.h) == len(self.damage):
            raise ValueError(
                f"sweep: {len(self.strengths)} strengths, {len(self.h)} of h, {len(self.damage)} of damage"
            )

    @property
    def cost(self) -> Floats:
        """Damage at each strength, `[S]` nats per token."""
        return np.asarray(self.damage.sum(axis=1) / self.tokens.sum())

    def side(self, sign: int) -> list[int]:
        """Numbers of the strengths of one sign, from 0 on outwards."""
        kept = (i for i, strength in enumerate(self.strengths) if strength * sign >= 0)
        return sorted(kept, key=lambda i: abs(self.strengths[i]))


def effect_at_damage(measure: str, level: float, swept: Swept, before: Answers, seed: int = 0) -> Scored:
    """Score a sweep where its perplexity damage is `level`.

    Args:
        measure: Name of the estimate.
        level: Damage, nats per token.
        swept: The sweep.
        before: The answers before any edit.
        seed: Draws the bootstrap.

    Returns:
        The estimate. Examples `[n]`, where it was scored: `probe_h_before`, `<measure>_h_after` (nats; each prompt
        after the edit that is to move its class), `probe_class` and `groups_probe`.

    """
    reason = before.unmoved(seed)
    if reason:
        return [Estimate.not_scored(measure, reason)], {}
    reached: dict[str, Floats] = {}
    effects = {name: np.array([before.effect(h, name) for h in swept.h]) for name in DIRECTIONS}
    for direction in DIRECTIONS:
        sign = int(_best_side(level, swept, swept.cost, effects[direction])[0])
        side = swept.side(sign)
        first, share = _crossing(level, swept.cost[side])
        if np.isnan(share):
            return [Estimate.not_scored(measure, _uncrossed(level, swept.cost[side], sign))], {}
        if first == 0 and swept.cost[side[1]] > COARSE * level:
            return [Estimate.not_scored(measure, _too_strong(swept.strengths[side[1]], swept.cost[side[1]]))], {}
        low, high = swept.h[side[int(first)]], swept.h[side[int(first) + 1]]
        reached[direction] = (1 - share) * low + share * high
    found = estimate(
        measure,
        lambda: clustered_of_two(
            lambda prompts, documents: _matched(level, swept, prompts, documents),
            _prompt_columns(swept, before),
            before.groups,
            np.concatenate([swept.damage, swept.tokens[None]]),
            np.arange(len(swept.tokens)),
            f"the damage does not cross {level}",
            seed,
        ),
        len(before.h),
    )
    return [found], {
        "probe_h_before": before.h.tolist(),
        f"{measure}_h_after": np.where(before.z == 0, reached["towards"], reached["away"]).tolist(),
        "probe_class": before.z.tolist(),
        "groups_probe": clusters(before.groups),
    }


def _too_strong(strength: float, cost: Floats) -> str:
    return f"the weakest strength, {strength:g}, costs {cost:.2g} nats, and nothing is known below: scale the edit down"


def _uncrossed(level: float, costs: Floats, sign: int) -> str:
    side = "negative" if sign < 0 else "positive"
    ends = f"{costs.min():.2g} to {costs.max():.2g} nats for {side} strengths"
    return f"the damage runs from {ends} and does not cross {level}"


def _prompt_columns(swept: Swept, before: Answers) -> Floats:
    """What the effects are made of, `[2 S + 4, n]`: moved towards and away by strength, h and number of each class."""
    zero, one = (before.z == 0).astype(float), (before.z == 1).astype(float)
    moved = swept.h - before.h  # [S, n]
    return np.concatenate([moved * zero, -moved * one, np.stack([before.h * one, before.h * zero, one, zero])])


def _matched(level: float, swept: Swept, prompts: Floats, documents: Floats) -> Floats:
    """The effect at the level from sums `[2 S + 4, ...]` and `[S + 1, ...]`; NaN where the damage does not cross it."""
    count = len(swept.strengths)
    h_one, h_zero, n_one, n_zero = prompts[2 * count :]
    with np.errstate(all="ignore"):  # a draw without one of the classes has no effect
        gap = h_one / n_one - h_zero / n_zero
        towards, away = 2 * prompts[:count] / n_zero / gap, 2 * prompts[count : 2 * count] / n_one / gap  # [S, ...]
        damage = documents[:-1] / documents[-1]
    return np.asarray(sum(_best_side(level, swept, damage, effect)[1] for effect in (towards, away)) / 2)


def _best_side(level: float, swept: Swept, damage: Floats, effect: Floats) -> tuple[Floats, Floats]:
    """The sign of the side that counts, and the effect where it crosses the level, of damage and effect `[S, ...]`."""
    signs, most, crossed = [], [], []
    for sign in (1, -1):
        side = swept.side(sign)
        if len(side) < 2:  # strength 0 alone, which the other side has as well
            continue
        at = _interpolated(effect[side], *_crossing(level, damage[side]))
        cheap = np.where(damage[side] <= level, effect[side], -np.inf).max(axis=0)
        signs.append(np.full(at.shape, sign))
        most.append(np.fmax(cheap, at))
        crossed.append(at)
    best = np.argmax(most, axis=0)[None]
    return (
        np.take_along_axis(np.stack(signs), best, axis=0)[0],
        np.take_along_axis(np.stack(crossed), best, axis=0)[0],
    )


def _crossing(level: float, damage: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
    """After which of the strengths `[K, ...]` the damage first crosses the level, and how far on; NaN for never."""
    low, high = damage[:-1], damage[1:]
    crosses = (low <= level) & (level <= high) & (low < high)
    first = np.asarray(crosses.argmax(axis=0))
    start, end = (np.take_along_axis(ends, first[None], axis=0)[0] for ends in (low, high))
    with np.errstate(all="ignore"):
        return first, np.where(crosses.any(axis=0), (level - start) / (end - start), np.nan)


def _interpolated(values: Floats, first: npt.NDArray[np.intp], share: Floats) -> Floats:
    start, end = (np.take_along_axis(values, index[None], axis=0)[0] for index in (first, first + 1))
    return np.asarray((1 - share) * start + share * end)
