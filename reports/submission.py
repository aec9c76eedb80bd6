"""What can be said against a store's scorecards by themselves: are they whole, of one making, and do they add up?

`interpmark submit` adds what must be compared with the methods and fixtures of this interpmark.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from interpmark.reports.measures import MEASURES
from interpmark.reports.scorecard import CellId, Scorecard, ScorecardError
from interpmark.reports.selection import select
from interpmark.reports.store import Store

# Scores are recomputed in another order of summation than when they were made.
_ROUNDING = 1e-6
# What changes scores, and must be one; what may change their last digits, and is told.
_ONE = ("dtype", "attention", "prefix", "device", "engine_version")
_TOLD = ("processor", "platform", "python")


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or in doubt: what, on which cells, and what mends it.

    `again` are cells to score again or for the first time; `mend` is the advice where that does not help.
    A note does not keep a store from being taken.
    """

    what: str
    cells: tuple[str, ...] = ()
    again: tuple[CellId, ...] = ()
    mend: str = ""
    note: bool = False


def read_submission(store: Store) -> tuple[list[Scorecard], list[Finding]]:
    """Return the scorecards that can be read, and findings about the others. Nothing in the store is touched."""
    cards: list[Scorecard] = []
    findings: list[Finding] = []
    for key in store.keys():  # noqa: SIM118 - a Store is no mapping
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                card = store.peek(key)
            except ScorecardError as error:
                card, reason = None, str(error)
            else:
                reason = str(caught[0].message) if caught else "it vanished"
        if card is not None:
            cards.append(card)
        else:
            findings.append(
                Finding("a scorecard cannot be read", (reason,), mend="remove the file, then score its cell")
            )
    return cards, findings


def check_cards(cards: Sequence[Scorecard]) -> list[Finding]:
    """Return everything that the scorecards say against themselves."""
    if not cards:
        return [Finding("there are no scorecards", mend="score some cells into this store first")]
    return [finding for check in CHECKS for finding in check(cards)]


def complete(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """Every method on every fixture that one of its kind was scored on, under every seed that the store has."""
    there = {card.cell for card in cards}
    seeds = sorted({cell.seed for cell in there})
    grid = [
        CellId(method, kind, *place, seed)
        for kind in sorted({cell.kind for cell in there})
        for place in sorted({(c.concept, c.subject, c.site, c.slot) for c in there if c.kind == kind})
        for method in sorted({cell.method for cell in there if cell.kind == kind})
        for seed in seeds
    ]
    missing = tuple(cell for cell in grid if cell not in there)
    if missing:
        yield Finding(f"{len(missing)} of {len(grid)} cells are missing", tuple(map(str, missing)), again=missing)


def finished(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """No cell failed."""
    failed = [card for card in cards if card.error is not None]
    if failed:
        lines = tuple(f"{card.cell}: {card.error.line}" for card in failed if card.error is not None)
        yield Finding(
            f"{len(failed)} cells failed",
            lines,
            mend="mend the method (its scorecard has the traceback) and score it again, or leave it out of the store",
        )


def single(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """One result of each cell, and one content of each fixture."""
    selection = select(cards)
    if selection.superseded:
        cells = tuple(f"{card.cell}: cells/{card.key}.json" for card in selection.superseded)
        yield Finding("newer results of these cells or methods are here too", cells, mend="remove the older files")
    for group in selection.groups:
        if group.outdated:
            yield Finding(group.note, again=tuple(card.cell for card in group.cards))


def current_measures(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """Every estimate is of the measure's definition that is in force."""
    old = [
        (card.cell, name, version, MEASURES[name].version)
        for card in cards
        for name, version in sorted((card.measure_versions or {}).items())
        if name in MEASURES and version != MEASURES[name].version
    ]
    if old:
        lines = tuple(f"{cell}: {name} version {found}, here {now}" for cell, name, found, now in old)
        again = tuple(dict.fromkeys(cell for cell, *_ in old))
        yield Finding("measures have another version here", lines, again=again)


def adds_up(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """Each value follows from the per-example scores beside it."""
    off = [line for card in cards if not _is_old(card) for line in _disagreements(card)]
    if off:
        advice = (
            "the scorecards were changed after they were made, or made by another interpmark: score the cells again"
        )
        yield Finding("values do not follow from the scores of the examples", tuple(off), mend=advice)


def _disagreements(card: Scorecard) -> Iterator[str]:
    import numpy as np

    from interpmark.reports.recipes import recipe_of

    for estimate in card.estimates:
        recipe = recipe_of(estimate.measure, card.examples)
        if estimate.value is None or recipe is None:
            continue
        try:
            sums = recipe.table(card.examples).sum(axis=-1, keepdims=True)
            value = float(np.ravel(recipe.statistic(sums))[0])
        except (ValueError, TypeError, IndexError):
            value = math.nan
        if not math.isclose(value, estimate.value, rel_tol=_ROUNDING, abs_tol=_ROUNDING):
            yield f"{card.cell}: {estimate.measure} is {estimate.value:.6g}, its examples give {value:.6g}"


def has_clusters(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """The scorecards say which examples belong together, without which methods cannot be compared."""
    old = [card.cell for card in cards if _is_old(card)]
    if old:
        yield Finding(
            "older scorecards do not say which examples belong together", tuple(map(str, old)), again=tuple(old)
        )


def _is_old(card: Scorecard) -> bool:
    return "edit_squared_size" in card.examples and "groups" not in card.examples


def clean(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """No result was made with changes that no commit holds."""
    dirty = [card.cell for card in cards if card.provenance.get("dirty")]
    if dirty:
        yield Finding(
            "results were made with uncommitted changes, so nobody can make them again",
            tuple(map(str, dirty)),
            mend="commit, remove these cells from the store, and score them again",
        )


def one_environment(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """All was run in one way; packages and settings must agree, and hardware is told."""
    advice = "score all cells in one environment: other versions and settings move scores"
    packages = [card.provenance.get("packages") or {} for card in cards]
    found = {name: [one.get(name) for one in packages] for name in sorted({name for one in packages for name in one})}
    found |= {name: [card.provenance.get(name) for card in cards] for name in (*_ONE, *_TOLD)}
    for name, given in found.items():
        values = sorted({str(value) for value in given if value is not None})
        if len(values) > 1:
            yield Finding(f"{name} is not one: {', '.join(values)}", mend=advice, note=name in _TOLD)


CHECKS: tuple[Callable[[Sequence[Scorecard]], Iterable[Finding]], ...] = (
    finished,
    complete,
    single,
    current_measures,
    has_clusters,
    adds_up,
    clean,
    one_environment,
)
