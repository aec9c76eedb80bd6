"""Scorecards as one tidy pandas frame: a row per estimate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from interpmark.reports.measures import HEADLINES
from interpmark.reports.scorecard import Estimate, Scorecard

if TYPE_CHECKING:
    import pandas

COLUMNS = (
    "method",
    "kind",
    "concept",
    "subject",
    "site",
    "slot",
    "seed",
    "measure",
    "value",
    "low",
    "high",
    "n",
    "unit",
    "status",
)


def tidy_frame(scorecards: Iterable[Scorecard]) -> pandas.DataFrame:
    """Return a frame with exactly COLUMNS: value, low, high float64 (NaN where status is not "ok"), seed, n int64.

    A failed cell that has no estimates is there with its headline measures, of status "error", so that it does not
    vanish from the data.
    """
    import pandas

    frame = pandas.DataFrame([row for card in scorecards for row in _rows(card)], columns=list(COLUMNS))
    whole = {"seed": "int64", "n": "int64"}
    return frame.astype({name: "float64" for name in ("value", "low", "high")} | whole)


def _rows(card: Scorecard) -> Iterator[tuple[object, ...]]:
    cell = card.cell
    for e in card.estimates or _failures(card):
        yield (
            *(cell.method, cell.kind, cell.concept, cell.subject, cell.site, cell.slot, cell.seed),
            *(e.measure, e.value, e.low, e.high, e.n, e.unit, e.status),
        )


def _failures(card: Scorecard) -> list[Estimate]:
    if card.error is None:
        return []
    return [Estimate.failed(measure, card.error.line) for measure in HEADLINES]
