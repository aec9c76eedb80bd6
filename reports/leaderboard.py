"""The leaderboard: scorecards laid side by side, a table per fixture and a row per method, seeds pooled.

The order of rows is for reading. It is no rank: ranks are per measure, and intervals (`ranking`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from interpmark.reports.atomic import write_atomically
from interpmark.reports.estimate import Estimate
from interpmark.reports.frame import all_estimates, tidy_csv
from interpmark.reports.measures import MEASURES
from interpmark.reports.numbers import one_line
from interpmark.reports.pooling import pool
from interpmark.reports.records import board_json
from interpmark.reports.rendering import board_markdown, board_text
from interpmark.reports.scorecard import Role, Scorecard
from interpmark.reports.selection import Comparable, select

if TYPE_CHECKING:
    from interpmark.reports.pareto import Front
    from interpmark.reports.ranking import Ranking

_ROLES: tuple[Role, ...] = ("method", "control", "oracle")


@dataclass(frozen=True)
class Row:
    """One method on one fixture.

    seeds: those that were scored. failures: one line for each seed that failed. estimates: by measure, pooled.
    """

    method: str
    role: Role
    seeds: tuple[int, ...]
    failures: tuple[str, ...]
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True)
class Table:
    """The rows of one fixture and kind of method.

    context: what describes the fixture, not a method. rankings: by measure. front: the Pareto front.
    """

    fixture: str
    kind: str
    rows: tuple[Row, ...]
    context: Mapping[str, Estimate]
    outdated: bool = False
    rankings: Mapping[str, Ranking] = field(default_factory=dict)
    front: Front | None = None

    def place(self, method: str, measure: str) -> str:
        """Return the interval of a method's rank, `2` or `2–4`, "" where it has none."""
        ranking = self.rankings.get(measure)
        rank = None if ranking is None else ranking.rank_of(method)
        return "" if rank is None else str(rank)


@dataclass(frozen=True)
class Leaderboard:
    """Tables, notes on what was left out and why, and the scorecards that the tables were made from.

    summaries: ranks over fixtures, by kind and measure.
    """

    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    scorecards: tuple[Scorecard, ...]
    summaries: tuple[Ranking, ...] = ()

    def to_text(self, width: int = 120) -> str:
        """Return the tables for a terminal of that many columns; a narrow one gets fewer measures, and is told."""
        return board_text(self, width)

    def to_markdown(self) -> str:
        """Return the tables in GitHub's Markdown, everything from outside escaped."""
        return board_markdown(self)

    def to_json(self) -> str:
        """Return tidy records, failures, notes and a summary of the provenance, with a schema version."""
        return board_json(self)

    def to_csv(self) -> str:
        """Return the tidy records as CSV, with the columns of `Scorecards.to_frame`."""
        return tidy_csv(self.scorecards)

    def __str__(self) -> str:
        return self.to_text()


def leaderboard(scorecards: Iterable[Scorecard]) -> Leaderboard:
    """Lay scorecards side by side.

    Of several results of one cell the newest (provenance `finished`) counts. Results whose fixture content, subject,
    dtype or measure versions differ from their fixture's newest get a table of their own, and a note that names
    the cells to run again.
    """
    from interpmark.reports.overall import overall

    selection = select(scorecards)
    notes = [group.note for group in selection.groups if group.note]
    if selection.superseded:
        n = len(selection.superseded)
        notes.append(f"{n} superseded result{'s' * (n > 1)} left out: newer ones of the same cells or methods are here")
    tables = tuple(_table(group) for group in selection.groups)
    summaries = overall(ranking for table in tables if not table.outdated for ranking in table.rankings.values())
    return Leaderboard(tables, tuple(notes), selection.current, summaries)


def write_reports(scorecards: Iterable[Scorecard], folder: str | PathLike[str]) -> Leaderboard:
    """Write leaderboard.md, leaderboard.json and scores.csv into `folder`, each whole or not at all."""
    board = leaderboard(scorecards)
    write_board(board, folder)
    return board


def write_board(board: Leaderboard, folder: str | PathLike[str]) -> None:
    """Write a leaderboard that is laid out already."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    write_atomically(root / "leaderboard.md", board.to_markdown())
    write_atomically(root / "leaderboard.json", board.to_json())
    write_atomically(root / "scores.csv", board.to_csv())


def _table(group: Comparable) -> Table:
    from interpmark.reports.pareto import front
    from interpmark.reports.ranking import rankings

    by_method: dict[str, list[Scorecard]] = {}
    for card in sorted(group.cards, key=lambda card: (card.cell.method, card.cell.seed)):
        by_method.setdefault(card.cell.method, []).append(card)
    rows = sorted((_row(method, cards) for method, cards in by_method.items()), key=_reading_order)
    ranks = rankings(group.cards)
    context = _context(group.cards)
    return Table(group.fixture, group.kind, tuple(rows), context, group.outdated, ranks, front(ranks))


def _row(method: str, cards: list[Scorecard]) -> Row:
    failed = [card for card in cards if card.error is not None]
    finished = [card for card in cards if card.error is None]
    failures = tuple(one_line(card.error.line) for card in failed if card.error is not None)
    # A failed seed is told apart; the row's numbers are those of the seeds that finished.
    estimates = _pooled(finished or failed)
    return Row(method, cards[-1].role, tuple(card.cell.seed for card in finished), failures, estimates)


def _pooled(cards: Iterable[Scorecard]) -> dict[str, Estimate]:
    by_measure: dict[str, list[Estimate]] = {}
    for card in cards:
        for estimate in all_estimates(card):
            by_measure.setdefault(estimate.measure, []).append(estimate)
    return {measure: pool(estimates) for measure, estimates in by_measure.items()}


def _context(cards: Iterable[Scorecard]) -> dict[str, Estimate]:
    """Pool what describes the fixture over seeds; methods repeat it, so one card per seed is enough."""
    names = [name for name, measure in MEASURES.items() if measure.group == "context"]
    found: dict[str, dict[int, Estimate]] = {name: {} for name in names}
    for card in sorted(cards, key=lambda card: card.cell.method):
        for estimate in card.estimates:
            if estimate.measure in found and estimate.status == "ok":
                found[estimate.measure].setdefault(card.cell.seed, estimate)
    return {name: pool(list(by_seed.values())) for name, by_seed in found.items() if by_seed}


def _reading_order(row: Row) -> tuple[int, bool, float, float, float, str]:
    """Methods, then failed methods, then controls, then oracles.

    Within each, erasers by residual accuracy and then edit norm, steerers by their effect, the largest first.
    """

    def value(measure: str, sign: int = 1) -> float:
        found = row.estimates.get(measure)
        return math.inf if found is None or found.value is None else sign * found.value

    scores = (value("steering_effect", -1), value("residual_accuracy"), value("edit_norm"))
    return (_ROLES.index(row.role), not row.seeds, *scores, row.method)
