"""Scorecards as tidy rows, one per estimate: for a pandas frame and for scores.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from interpmark.reports.estimate import Estimate
from interpmark.reports.measures import headlines
from interpmark.reports.scorecard import Scorecard

if TYPE_CHECKING:
    import pandas

_TEXT = ("method", "kind", "concept", "subject", "site", "slot")
_NUMBERS = ("value", "low", "high")
COLUMNS = (*_TEXT, "seed", "measure", *_NUMBERS, "n", "unit", "status")
"""method, kind, concept, subject, site, slot, seed, measure, value, low, high, n, unit, status."""


def all_estimates(card: Scorecard) -> tuple[Estimate, ...]:
    """Return the card's estimates; a failed cell also gets its missing headline measures, with status "error".

    So a failed cell has rows in every table of results and does not vanish from them.
    """
    if card.error is None:
        return card.estimates
    present = {estimate.measure for estimate in card.estimates}
    missing = [Estimate.failed(name, card.error.line) for name in headlines(card.cell.kind) if name not in present]
    return (*card.estimates, *missing)


def tidy_frame(scorecards: Iterable[Scorecard]) -> pandas.DataFrame:
    """Return a frame with exactly COLUMNS: value, low, high float64 (NaN where status is not "ok"), seed, n int64."""
    import pandas

    frame = pandas.DataFrame(list(_rows(scorecards)), columns=list(COLUMNS))
    text = dict.fromkeys((*_TEXT, "measure", "unit", "status"), "str")
    return frame.astype(text | dict.fromkeys(_NUMBERS, "float64") | dict.fromkeys(("seed", "n"), "int64"))


def tidy_csv(scorecards: Iterable[Scorecard]) -> str:
    """Return the same rows as CSV text, empty where there is no value, without importing pandas."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_rows(scorecards))
    return buffer.getvalue()


def _rows(scorecards: Iterable[Scorecard]) -> Iterator[tuple[object, ...]]:
    for card in scorecards:
        cell = card.cell
        for e in all_estimates(card):
            yield (
                *(cell.method, cell.kind, cell.concept, cell.subject, cell.site, cell.slot, cell.seed),
                *(e.measure, e.value, e.low, e.high, e.n, e.unit, e.status),
            )
