"""How far do scores move when the subject runs in bfloat16? Two finished runs, one in each dtype, measure by measure.

    pytest suite --interp-dtype float32 --interp-store float32
    pytest suite --interp-dtype bfloat16 --interp-store bfloat16
    python docs/bfloat16.py float32 bfloat16

Differences are over cells, and stand next to the half-width of the first run's 95 % intervals.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from statistics import median

from tabulate import tabulate

from interpmark.reports.estimate import Estimate
from interpmark.reports.measures import MEASURES
from interpmark.reports.scorecard import CellId
from interpmark.reports.selection import select
from interpmark.reports.store import Store

HEADERS = ("measure", "cells", "largest difference", "at", "median difference", "median half-width", "apart")
LAST_BITS = 1e-9

Pair = tuple[CellId, Estimate, Estimate]


def estimates(folder: str) -> Mapping[tuple[CellId, str], Estimate]:
    """The newest estimates of every cell on a language model; costs, which differ anyhow, left out."""
    located = [card for card in select(Store.open(folder).scorecards()).current if "dtype" in card.provenance]
    print(f"{folder}: {len(located)} cells, {', '.join(sorted({str(c.provenance['dtype']) for c in located}))}")
    return {(c.cell, e.measure): e for c in located for e in c.estimates if MEASURES[e.measure].group != "cost"}


def pairs(one: str, two: str) -> Mapping[str, Sequence[Pair]]:
    """Estimates of one cell in both stores, by measure; says which are in one store only, or scored in one only."""
    ours, theirs = estimates(one), estimates(two)
    alone = {cell for cell, _ in ours} ^ {cell for cell, _ in theirs}
    if alone:
        print(f"{len(alone)} cells are in one of the stores only, such as {min(map(str, alone))}")
    found: dict[str, list[Pair]] = {name: [] for name in MEASURES}
    for cell, measure in ours.keys() & theirs.keys():
        a, b = ours[cell, measure], theirs[cell, measure]
        if (a.value is None) != (b.value is None):
            print(f"{cell} {measure}: {a.status} and {b.status}; {a.reason or b.reason}")
        elif a.value is not None:
            found[measure].append((cell, a, b))
    return {measure: several for measure, several in found.items() if several}


def row(measure: str, several: Sequence[Pair]) -> tuple[object, ...]:
    """How far the measure moved, and the spread to hold it against."""
    moved = {cell: abs(a.value - b.value) for cell, a, b in several if a.value is not None and b.value is not None}
    worst = max(moved, key=lambda cell: (moved[cell], str(cell)))
    half = median((a.high - a.low) / 2 for _, a, _ in several if a.high is not None and a.low is not None)
    where = f"{worst.method}, {worst.concept} {worst.site}" if moved[worst] else ""
    spread = (f"{half:.2g}", sum(map(apart, several))) if half else ("exact", "")
    title = MEASURES[measure].title
    return title, len(several), f"{moved[worst]:.2g}", where, f"{median(moved.values()):.2g}", *spread


def apart(pair: Pair) -> bool:
    """Whether the two intervals share no point; a ratio that is one by definition may miss it in the last bits."""
    _, a, b = pair
    assert a.low is not None and a.high is not None and b.low is not None and b.high is not None
    return max(b.low - a.high, a.low - b.high) > LAST_BITS


def main(one: str, two: str) -> None:
    """Print the table."""
    table = [row(measure, several) for measure, several in pairs(one, two).items()]
    print()
    print(tabulate(table, headers=HEADERS, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
