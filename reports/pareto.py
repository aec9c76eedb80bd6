"""The Pareto front: the methods that none is better than all round. It stands in for a weighted sum of measures.

One method dominates another when it is significantly better by one measure and significantly worse by none, with the
verdicts of `ranking` (Holm's correction within each measure). "Not significantly worse" is no proof of being as good: a
small test set leaves more methods on the front, and never throws one off it for noise alone. Such verdicts can run in a
circle (a over b by one measure, b over c by another, c over a by a third); methods of one circle do not throw each
other off, so the front is never empty.

Methods that lack a rank by one of the measures are not placed; measures by which fewer than two have one are left out.
Controls and oracles are not on the front: `identity` makes the smallest edit and would always be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from interpmark.reports.ranking import Bools, Ranking, closure

AXES: Mapping[str, tuple[str, ...]] = {
    "eraser": ("residual_accuracy", "edit_norm", "behavior_effect", "perplexity_damage"),
    "steerer": ("steering_effect", "perplexity_damage", "behavior_tv_off_target"),
}
"""By kind of method, what the front is over."""


@dataclass(frozen=True)
class Front:
    """The Pareto front of one fixture and kind.

    measures: what it is over. members: the methods on it. dominated: each other method with those that dominate it and
    are on the front, or lead to it. unplaced: why a method is not placed, by method.
    """

    fixture: str
    kind: str
    measures: tuple[str, ...]
    members: tuple[str, ...]
    dominated: Mapping[str, tuple[str, ...]]
    unplaced: Mapping[str, str]


def front(rankings: Mapping[str, Ranking]) -> Front | None:
    """Return the front of one fixture's rankings by measure, None when fewer than two methods or measures are left."""
    if not rankings:
        return None
    some = next(iter(rankings.values()))
    used = [rankings[name] for name in AXES.get(some.kind, ()) if name in rankings and len(rankings[name].ranks) > 1]
    if len(used) < 2:
        return None
    ranked = [{rank.method for rank in ranking.ranks} for ranking in used]
    methods = sorted(set.intersection(*ranked))
    unplaced = {
        method: next((ranking.unranked[method] for ranking in used if method in ranking.unranked), "not scored")
        for method in sorted(
            {name for ranking in used for name in (*ranking.unranked, *_names(ranking))} - set(methods)
        )
    }
    if len(methods) < 2:
        return None
    over = _dominance(methods, used)
    reach = closure(over)
    # Off the front: something is over it that it is not over in turn.
    off = np.atleast_1d((reach & ~reach.T).any(axis=0))
    members = [method for i, method in enumerate(methods) if not off[i]]
    dominated = {
        method: tuple(methods[j] for j in np.flatnonzero(reach[:, i]) if not off[j])
        for i, method in enumerate(methods)
        if off[i]
    }
    return Front(some.fixture, some.kind, tuple(r.measure for r in used), tuple(members), dominated, unplaced)


def _names(ranking: Ranking) -> list[str]:
    return [rank.method for rank in ranking.ranks]


def _dominance(methods: Sequence[str], used: Sequence[Ranking]) -> Bools:
    place = {method: i for i, method in enumerate(methods)}
    better = np.zeros((len(methods), len(methods)), dtype=bool)
    for ranking in used:
        for winner, loser in ranking.better():
            if winner in place and loser in place:
                better[place[winner], place[loser]] = True
    return np.asarray(better & ~better.T)
