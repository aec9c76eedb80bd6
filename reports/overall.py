"""Ranks over fixtures: what the fixtures of a leaderboard say together about the order of methods.

On each fixture a method's place is the middle of its rank interval, so what no test told apart there counts for little
here. Sites of one concept on one subject share their prompts and are no independent evidence: their places are
averaged, and concepts on subjects are what is compared over. All pairs are tested by swapping the two within concepts
at random, with Holm's correction. Few concepts cannot tell many methods apart, however clear each fixture is: n
concepts give no p below 2 / 2^n. The note says so, and how many would be needed.

Planted fixtures have no subject and are left out. A method must be ranked on every fixture to be compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from interpmark.reports.measures import MEASURES
from interpmark.reports.ranking import LEVEL, Rank, Ranking, filled
from interpmark.reports.recipes import Floats
from interpmark.reports.swaps import pair_p_values, smallest_p


def overall(rankings: Iterable[Ranking]) -> tuple[Ranking, ...]:
    """Return a summary for each kind and measure that has ranks on at least two concepts, in the catalogue's order."""
    found: dict[tuple[str, str], list[Ranking]] = {}
    for ranking in rankings:
        if "@" in ranking.fixture and len(ranking.ranks) > 1:
            found.setdefault((ranking.kind, ranking.measure), []).append(ranking)
    order = list(MEASURES)
    keys = sorted(found, key=lambda key: (key[0], order.index(key[1])))
    return tuple(summary for key in keys if (summary := _summary(found[key])) is not None)


def _summary(rankings: Sequence[Ranking]) -> Ranking | None:
    concepts = sorted({_concept(ranking) for ranking in rankings})
    if len(concepts) < 2:
        return None
    everyone = sorted({rank.method for ranking in rankings for rank in ranking.ranks})
    missing = {method: sum(ranking.rank_of(method) is None for ranking in rankings) for method in everyone}
    methods = [method for method in everyone if not missing[method]]
    places = np.array([[_place(method, concept, rankings) for concept in concepts] for method in methods])
    unranked = {
        method: f"it has no rank on {count} of {len(rankings)} fixtures" for method, count in missing.items() if count
    }
    kind, measure = rankings[0].kind, rankings[0].measure
    note = _note(len(concepts), len(rankings), len(methods))
    blank = Ranking("", kind, measure, "lower", (), (), _others(rankings) | unranked, note)
    values = {method: float(places[i].mean()) for i, method in enumerate(methods)}
    return filled(blank, values, _p_values(places.reshape(len(methods), len(concepts))))


def _p_values(places: Floats) -> Floats:
    clusters = places.shape[1]
    return pair_p_values(places / clusters, np.full(clusters, 1e-12))


def _place(method: str, concept: str, rankings: Sequence[Ranking]) -> float:
    ranks = [ranking.rank_of(method) for ranking in rankings if _concept(ranking) == concept]
    return float(np.mean([_middle(rank) for rank in ranks if rank is not None]))


def _middle(rank: Rank) -> float:
    return (rank.best + rank.worst) / 2


def _concept(ranking: Ranking) -> str:
    """`gender@smollm2-135m` of `gender@smollm2-135m/resid_post.26:last`."""
    return ranking.fixture.rpartition("/")[0]


def _others(rankings: Sequence[Ranking]) -> dict[str, str]:
    """Methods that have a rank nowhere, with the first reason given."""
    reasons: dict[str, str] = {}
    for ranking in rankings:
        for method, reason in ranking.unranked.items():
            reasons.setdefault(method, reason)
    return dict(sorted(reasons.items()))


def _note(concepts: int, fixtures: int, methods: int) -> str:
    pairs = methods * (methods - 1) // 2
    note = f"mean places over {concepts} concepts on subjects ({fixtures} fixtures)"
    if pairs and pairs * smallest_p(concepts, pairs) > LEVEL:
        needed = next(n for n in range(concepts, 1000) if pairs * 2 / 2**n <= LEVEL)
        note += (
            f"; {concepts} concepts can give no p below {smallest_p(concepts, pairs):.2g}, and Holm's correction over "
            f"{pairs} pairs asks for {LEVEL / pairs:.2g}: no two methods can be told apart with fewer than {needed}"
        )
    return note
