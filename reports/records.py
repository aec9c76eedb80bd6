"""leaderboard.json: tidy records, ranks, fronts, failures, notes and a summary of the provenance.

docs/schema/leaderboard.schema.json describes it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from interpmark.reports.frame import all_estimates
from interpmark.reports.jsontext import dumps, plain
from interpmark.reports.scorecard import Scorecard

if TYPE_CHECKING:
    from interpmark.reports.leaderboard import Leaderboard, Table
    from interpmark.reports.ranking import Ranking

BOARD_SCHEMA = 2
"""Version of the JSON that `board_json` writes."""

# More distinct values than this describe cells, not the run.
_MOST_VALUES = 8


def board_json(board: Leaderboard) -> str:
    """Return the JSON text, ending in a newline; the same scorecards give the same text."""
    scorecards = board.scorecards
    current = [table for table in board.tables if not table.outdated]
    whole = {
        "schema": BOARD_SCHEMA,
        "records": [record for card in scorecards for record in _records(card)],
        "rankings": [_ranking(ranking) for table in current for ranking in table.rankings.values()],
        "fronts": [_front(table) for table in current if table.front is not None],
        "summaries": [_ranking(summary) for summary in board.summaries],
        "failures": [
            asdict(card.cell) | {"error": card.error.kind, "message": card.error.message, "advice": card.error.advice}
            for card in scorecards
            if card.error is not None
        ],
        "measure_versions": _measure_versions(scorecards),
        "notes": list(board.notes),
        "provenance": summarize([card.provenance for card in scorecards]),
    }
    return dumps(whole, indent=1)


def _ranking(ranking: Ranking) -> dict[str, Any]:
    """The ranks and why others have none; which pairs are told apart follows from the letters."""
    whole = {name: getattr(ranking, name) for name in ("fixture", "kind", "measure", "direction", "note")}
    return whole | {"ranks": [asdict(rank) for rank in ranking.ranks], "unranked": dict(ranking.unranked)}


def _front(table: Table) -> dict[str, Any]:
    assert table.front is not None
    return asdict(table.front)


def summarize(provenances: Sequence[Any]) -> dict[str, Any]:
    """Return, for each name of the provenances, the values found.

    One value stands alone; up to eight different ones are a list; more are {"distinct", "first", "last"}. Mappings
    are summarised name by name.
    """
    summary: dict[str, Any] = {}
    for name in sorted({name for provenance in provenances for name in provenance}):
        values = [provenance[name] for provenance in provenances if name in provenance]
        summary[name] = summarize(values) if all(isinstance(v, dict) for v in values) else _distinct(values)
    return summary


def _distinct(values: list[Any]) -> Any:
    # Compared as JSON text, because lists cannot be members of a set and True equals 1.
    texts = sorted({json.dumps(plain(value), sort_keys=True) for value in values})
    if len(texts) == 1:
        return json.loads(texts[0])
    if len(texts) <= _MOST_VALUES:
        return [json.loads(text) for text in texts]
    return {"distinct": len(texts), "first": json.loads(texts[0]), "last": json.loads(texts[-1])}


def _records(card: Scorecard) -> list[dict[str, Any]]:
    # Content hashes travel with every record, so that a reader can tell which records may be compared.
    shared = asdict(card.cell) | {"role": card.role, "fixture_hash": card.provenance.get("fixture_hash")}
    return [shared | asdict(estimate) for estimate in all_estimates(card)]


def _measure_versions(scorecards: Sequence[Scorecard]) -> dict[str, int]:
    versions: dict[str, int] = {}
    for card in scorecards:
        versions |= card.measure_versions or {}
    return versions
