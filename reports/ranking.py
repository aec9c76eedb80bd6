"""Ranks with intervals, and tie groups: what a table of scores says about the order of methods, and no more.

On each fixture and measure all pairs of methods are compared on the same test examples (`swaps`), with Holm's
correction over the pairs of that fixture and measure. If a is better than b and b better than c, then a is better than
c, whatever the test of that pair by itself says: it follows from the two, and costs no further error. A method's rank
lies between 1 + the number of methods better than it and n - the number worse than it. Methods that share a letter are
not told apart; those that share none are.

Controls and oracles have no rank. So has no method that was not scored on what the others were scored on; the reason
is told. Measures that are good in no direction, and costs, which are timed once, are not ranked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from interpmark.reports.contributions import Contributions, NoContributionsError, contributions
from interpmark.reports.holm import holm
from interpmark.reports.letters import compact_letters
from interpmark.reports.measures import MEASURES, Direction, headlines
from interpmark.reports.recipes import Floats
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.swaps import pair_p_values

Bools = NDArray[np.bool_]

LEVEL = 0.05
"""Two methods are told apart when p, after Holm's correction, is at most this."""


@dataclass(frozen=True)
class Rank:
    """One method's place: its rank lies between `best` and `worst`, 1 being the best of all.

    `letters` are those of its tie groups; "" when the display would need more than 26.
    """

    method: str
    value: float
    best: int
    worst: int
    letters: str

    def __str__(self) -> str:
        return str(self.best) if self.best == self.worst else f"{self.best}–{self.worst}"


@dataclass(frozen=True)
class Pair:
    """Two methods compared: which is better, None when they are not told apart.

    `difference` is first's score minus second's. `p` is the test's, `p_holm` after the correction. `better` also
    follows from other pairs: then it is set where `p_holm` by itself would not.
    """

    first: str
    second: str
    difference: float
    p: float
    p_holm: float
    better: str | None


@dataclass(frozen=True)
class Ranking:
    """The ranks of the methods on one fixture and measure, the best first, and all that they follow from.

    unranked: why a method has no rank, by method; controls and oracles are among them.
    In a summary over fixtures, `fixture` is "", a value is a method's mean place, and `note` says what it rests on.
    """

    fixture: str
    kind: str
    measure: str
    direction: Direction
    ranks: tuple[Rank, ...]
    pairs: tuple[Pair, ...]
    unranked: Mapping[str, str]
    note: str = ""

    def rank_of(self, method: str) -> Rank | None:
        """Return a method's rank, None when it has none."""
        return next((rank for rank in self.ranks if rank.method == method), None)

    def better(self) -> frozenset[tuple[str, str]]:
        """Return all (better, worse)."""
        return frozenset(
            (pair.better, pair.second if pair.better == pair.first else pair.first)
            for pair in self.pairs
            if pair.better is not None
        )

    def groups(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return (letter, methods that share it), the best first."""
        letters = sorted({letter for rank in self.ranks for letter in rank.letters})
        return tuple((x, tuple(rank.method for rank in self.ranks if x in rank.letters)) for x in letters)


def ranked_measures(kind: str) -> tuple[str, ...]:
    """Return the headline measures that methods of this kind are ranked by."""
    return tuple(
        name
        for name in headlines(kind)
        if MEASURES[name].group == "score" and MEASURES[name].direction(kind) != "context"
    )


def rankings(cards: Iterable[Scorecard], measures: Sequence[str] | None = None) -> dict[str, Ranking]:
    """Return the ranking by measure of comparable scorecards: those of one fixture and kind, several seeds or one.

    `measures` are the headline ones that have a direction, unless others are asked for. A measure by which no two
    methods can be compared has a ranking all the same, with the reasons in `unranked`.
    """
    kept = list(cards)
    return {name: rank(kept, name, seed=0) for name in (measures or ranked_measures(kept[0].cell.kind) if kept else ())}


def rank(cards: Sequence[Scorecard], measure: str, *, seed: int = 0) -> Ranking:
    """Return the ranking by one measure of the scorecards of one fixture and kind.

    Raises:
        ValueError: The measure is good in no direction for this kind, or the cards are of several fixtures or kinds.

    """
    fixture, kind = _one_table(cards)
    direction = MEASURES[measure].direction(kind)
    if direction == "context":
        raise ValueError(f"{measure} is good in no direction for a method of kind {kind}: it gives no ranks")
    scored, unranked = _comparable(cards, measure)
    methods = sorted(scored)
    p_values = np.ones((0, 0))
    if methods:
        first = scored[methods[0]]
        parts = np.stack([scored[method].parts for method in methods])
        target = first.weights if direction == "one" else None
        p_values = pair_p_values(parts, first.noise, target, seed=seed)
    values = {method: scored[method].value for method in methods}
    blank = Ranking(fixture, kind, measure, direction, (), (), dict(sorted(unranked.items())))
    return filled(blank, values, p_values)


def filled(blank: Ranking, values: Mapping[str, float], p_values: Floats) -> Ranking:
    """Return a ranking with what follows from values and from the p-values of all pairs, in the order of `values`."""
    methods = list(values)
    loss = {method: _loss(values[method], blank.direction) for method in methods}
    couples = [(i, j) for i in range(len(methods)) for j in range(i + 1, len(methods))]
    corrected = holm([float(p_values[i, j]) for i, j in couples])
    wins = np.zeros((len(methods), len(methods)), dtype=bool)
    for (i, j), p in zip(couples, corrected, strict=True):
        if p <= LEVEL and loss[methods[i]] != loss[methods[j]]:
            wins[(i, j) if loss[methods[i]] < loss[methods[j]] else (j, i)] = True
    wins = closure(wins)
    pairs = tuple(
        Pair(
            methods[i],
            methods[j],
            values[methods[i]] - values[methods[j]],
            float(p_values[i, j]),
            p,
            methods[i] if wins[i, j] else methods[j] if wins[j, i] else None,
        )
        for (i, j), p in zip(couples, corrected, strict=True)
    )
    return replace(blank, ranks=_ranks(values, loss, wins), pairs=pairs)


def closure(wins: Bools) -> Bools:
    """Return what follows: i beats k when i beats j and j beats k."""
    reached = wins.copy()
    for j in range(len(reached)):
        reached |= np.outer(reached[:, j], reached[j])
    return reached


def _ranks(values: Mapping[str, float], loss: Mapping[str, float], wins: Bools) -> tuple[Rank, ...]:
    methods = list(values)
    above, below = wins.sum(axis=0), wins.sum(axis=1)
    places = {method: (1 + int(above[i]), len(methods) - int(below[i])) for i, method in enumerate(methods)}
    order = sorted(methods, key=lambda method: (*places[method], loss[method], method))
    apart = frozenset(frozenset((methods[i], methods[j])) for i, j in np.argwhere(wins))
    letters = compact_letters(order, apart)
    return tuple(Rank(method, values[method], *places[method], letters.get(method, "")) for method in order)


def _loss(value: float, direction: Direction) -> float:
    """Smaller is better."""
    return {"lower": value, "higher": -value}.get(direction, abs(value - 1))


def _one_table(cards: Sequence[Scorecard]) -> tuple[str, str]:
    found = {(card.cell.fixture, card.cell.kind) for card in cards}
    if len(found) != 1:
        raise ValueError(f"ranks are of one fixture and one kind of method, not of {len(found)}")
    return found.pop()


def _comparable(cards: Sequence[Scorecard], measure: str) -> tuple[dict[str, Contributions], dict[str, str]]:
    """Return the methods that were scored on the examples that most were scored on, and why the others are not."""
    by_method: dict[str, list[Scorecard]] = {}
    for card in cards:
        by_method.setdefault(card.cell.method, []).append(card)
    scored: dict[str, Contributions] = {}
    unranked: dict[str, str] = {}
    for method, own in sorted(by_method.items()):
        if own[-1].role != "method":
            unranked[method] = own[-1].role
            continue
        try:
            scored[method] = contributions(own, measure)
        except NoContributionsError as error:
            unranked[method] = str(error)
    usual = Counter(one.examples for one in scored.values()).most_common(1)
    for method in [method for method, one in scored.items() if one.examples != usual[0][0]]:
        del scored[method]
        unranked[method] = "scored on other seeds or examples than most methods"
    return scored, unranked
