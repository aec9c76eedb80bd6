"""Many saved runs as one tidy table: each score against commit and time, with what keeps it from being compared marked.

A trend is broken where the fixture's content, the subject, the engine or the measure's definition changed: the numbers
before and after are of different things. A change of the method's own source is what a trend is there to show, so it is
told apart from these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from interpmark.reports.baselines import SavedRun, SavedRuns, read_run
from interpmark.reports.estimate import Estimate
from interpmark.reports.frame import all_estimates
from interpmark.reports.pooling import pool
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.selection import CONTENT, select

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Point:
    """One method's score by one measure on one fixture in one run, seeds pooled.

    run: the run's label. saved: ISO time. commit: "" outside a repository. version: of the measure's definition.
    broken_by: what differs from the run before that scored it, such as "fixture hash" or "measure version"; the score
    cannot be compared with earlier ones. source_changed: the method's source differs from that run's.
    """

    run: str
    saved: str
    commit: str
    dirty: bool
    method: str
    kind: str
    role: str
    fixture: str
    measure: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    status: str
    version: int
    broken_by: tuple[str, ...]
    source_changed: bool


COLUMNS = tuple(field.name for field in fields(Point))
"""The columns of `history_frame`; `broken_by` is text there, its parts joined by commas."""


def read_history(root: Path) -> tuple[Point, ...]:
    """Return the history of the numbered runs in a folder such as `.interpmark`. Raises BaselineError as they do."""
    return history((path.name.split(".")[0], read_run(path)) for _, path in SavedRuns(root).numbered())


def history(runs: Iterable[tuple[str, SavedRun]]) -> tuple[Point, ...]:
    """Return the points of labelled runs by the time that they were saved, then by fixture, method and measure."""
    points: list[Point] = []
    before: dict[tuple[str, ...], Mapping[str, str]] = {}
    for label, run in sorted(runs, key=lambda one: (_time(one[1].saved), one[0])):
        for name, cards, estimates in _cells(run):
            facts = _facts(cards, name[-1])
            points.append(_point(label, run, cards[-1], pool(estimates), facts, before.get(name, facts)))
            before[name] = facts
    return tuple(points)


def history_frame(points: Iterable[Point]) -> pandas.DataFrame:
    """Return the points as a frame with COLUMNS; a missing value is NaN."""
    import pandas

    rows = [[", ".join(cell) if isinstance(cell, tuple) else cell for cell in astuple(point)] for point in points]
    frame = pandas.DataFrame(rows, columns=list(COLUMNS))
    types = dict.fromkeys(("value", "low", "high"), "float64") | dict.fromkeys(("n", "version"), "int64")
    return frame.astype(types | dict.fromkeys(("dirty", "source_changed"), "bool"))


def _cells(run: SavedRun) -> Iterator[tuple[tuple[str, ...], list[Scorecard], list[Estimate]]]:
    """Yield (fixture, kind, method, measure) with its scorecards and estimates, one a seed."""
    found: dict[tuple[str, ...], tuple[list[Scorecard], list[Estimate]]] = {}
    for card in select(run.scorecards).current:
        for estimate in all_estimates(card):
            name = (card.cell.fixture, card.cell.kind, card.cell.method, estimate.measure)
            cards, estimates = found.setdefault(name, ([], []))
            cards.append(card)
            estimates.append(estimate)
    for key in sorted(found):
        yield key, *found[key]


def _facts(cards: Sequence[Scorecard], measure: str) -> dict[str, str]:
    """Return what a score depends on: what it is a score of, and last the method's source."""
    card = cards[-1]
    content = {name.replace("_", " "): str(card.provenance.get(name)) for name in CONTENT}
    version = {"measure version": str((card.measure_versions or {}).get(measure, 0))}
    return content | version | {"method source": str(card.provenance.get("method_hash"))}


def _point(
    label: str, run: SavedRun, card: Scorecard, estimate: Estimate, facts: Mapping[str, str], before: Mapping[str, str]
) -> Point:
    changed = [name for name in facts if facts[name] != before[name]]
    return Point(
        run=label,
        saved=run.saved,
        commit=str(run.commit.get("id") or ""),
        dirty=bool(run.commit.get("dirty")),
        method=card.cell.method,
        kind=card.cell.kind,
        role=card.role,
        fixture=card.cell.fixture,
        measure=estimate.measure,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        n=estimate.n,
        unit=estimate.unit,
        status=estimate.status,
        version=int(facts["measure version"]),
        broken_by=tuple(name for name in changed if name != "method source"),
        source_changed="method source" in changed,
    )


def _time(saved: str) -> datetime:
    try:
        found = datetime.fromisoformat(saved)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
