"""Side effects: a table for each fixture of what its methods do to the behavior of the other concepts of their run."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from interpmark.reports.estimate import Estimate
from interpmark.reports.jsontext import dumps
from interpmark.reports.numbers import estimate_text, one_line, shortened
from interpmark.reports.pooling import pool
from interpmark.reports.rendering import escaped
from interpmark.reports.scorecard import Role, Scorecard
from interpmark.reports.selection import select

SIDE_EFFECTS_SCHEMA = 1
"""Version of the JSON that `side_effects_json` writes."""
_OWN = "behavior_effect"
_NAME = "side_effect"
_NAME_WIDTH = 32
_ROLES: tuple[Role, ...] = ("method", "control", "oracle")
_READING = (
    "1 - mean log-odds of the own class's answers after the edit over before, on each concept's prompts: 0 untouched, "
    "1 erased; below 0 the behavior grew. The edits were fitted on the table's concept."
)


@dataclass(frozen=True)
class SideEffects:
    """One fixture's table.

    Attributes:
        fixture: Its id.
        concept: Its concept.
        others: The other concepts, in the order of the columns.
        own: By method, the effect on its own concept, seeds pooled.
        effects: By method, the effect on each other concept.

    """

    fixture: str
    concept: str
    others: tuple[str, ...]
    own: Mapping[str, Estimate]
    effects: Mapping[str, Mapping[str, Estimate]]


def side_effects(scorecards: Iterable[Scorecard], fixtures: str = "*") -> tuple[SideEffects, ...]:
    """Lay out the side effects of erasers on the fixtures whose id or concept matches a glob.

    Raises ValueError when no scorecard has any.
    """
    cards = [card for card in select(scorecards).current if "side_effect_concepts" in card.examples]
    by_fixture: dict[str, list[Scorecard]] = {}
    for card in sorted(cards, key=lambda card: (_ROLES.index(card.role), card.cell.method, card.cell.seed)):
        if any(fnmatch.fnmatchcase(name, fixtures) for name in (card.cell.fixture, card.cell.concept)):
            by_fixture.setdefault(card.cell.fixture, []).append(card)
    if not by_fixture:
        where = "" if fixtures == "*" else f" on {fixtures!r}"
        raise ValueError(f"no scorecard has side effects{where}: score several concepts with --interp-cross")
    return tuple(_of_fixture(fixture, own) for fixture, own in sorted(by_fixture.items()))


def _of_fixture(fixture: str, cards: Sequence[Scorecard]) -> SideEffects:
    by_method: dict[str, list[Scorecard]] = {}
    for card in cards:
        by_method.setdefault(card.cell.method, []).append(card)
    others = tuple(dict.fromkeys(str(name) for card in cards for name in card.examples["side_effect_concepts"]))
    own = {name: pool([card.estimate(_OWN) for card in mine]) for name, mine in by_method.items()}
    effects = {name: _pooled([_effects(card) for card in mine]) for name, mine in by_method.items()}
    return SideEffects(fixture, cards[0].cell.concept, others, own, effects)


def _effects(card: Scorecard) -> dict[str, Estimate]:
    """By concept, the effect on it."""
    kept = card.examples
    columns = ("side_effect_concepts", "side_effect_values", "side_effect_reasons", "side_effect_g_before")
    found = {}
    for name, value, reason, g in zip(*(kept[column] for column in columns), strict=True):
        missing = value is None
        estimate = Estimate.not_scored(_NAME, reason, "ratio") if missing else None
        found[str(name)] = estimate or Estimate.scored(_NAME, tuple(value), len(g), "ratio")
    return found


def _pooled(seeds: Sequence[Mapping[str, Estimate]]) -> dict[str, Estimate]:
    names = dict.fromkeys(name for effects in seeds for name in effects)
    return {name: pool([effects[name] for effects in seeds if name in effects]) for name in names}


def side_effects_text(tables: Iterable[SideEffects]) -> str:
    """Return the tables for a terminal."""
    from tabulate import tabulate

    parts = []
    for table in tables:
        headers, rows, notes = _cells(table)
        named = [[shortened(one_line(row[0]), _NAME_WIDTH), *row[1:]] for row in rows]
        grid = tabulate(named, headers=headers, tablefmt="simple", disable_numparse=True)
        parts.append("\n".join([one_line(table.fixture), "", grid, *notes]))
    return "\n\n".join([*parts, _READING])


def side_effects_markdown(tables: Iterable[SideEffects]) -> str:
    """Return the tables in GitHub's Markdown, everything from outside escaped, ending in a newline."""
    parts = ["# Side effects"]
    for table in tables:
        headers, rows, notes = _cells(table)
        lines = [map(escaped, headers), ["---"] * len(headers), *(map(escaped, row) for row in rows)]
        parts.append(f"## {escaped(table.fixture)}")
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
        if notes:
            parts.append("\n".join(f"- {escaped(note)}" for note in notes))
    return "\n\n".join([*parts, f"- {_READING}"]) + "\n"


def side_effects_json(tables: Iterable[SideEffects]) -> str:
    """Return the tables as JSON with a schema version."""
    fixtures = [
        {
            "fixture": table.fixture,
            "concept": table.concept,
            "methods": [
                {
                    "method": name,
                    "own": asdict(table.own[name]),
                    "others": {other: asdict(estimate) for other, estimate in effects.items()},
                }
                for name, effects in table.effects.items()
            ],
        }
        for table in tables
    ]
    return dumps({"schema": SIDE_EFFECTS_SCHEMA, "fixtures": fixtures})


def _cells(table: SideEffects) -> tuple[list[str], list[list[str]], list[str]]:
    """Return header, rows, and a note for each concept that has no number somewhere."""
    headers = ["method", f"{table.concept} (own)", *table.others]
    reasons: dict[str, str] = {}

    def shown(column: str, estimate: Estimate | None) -> str:
        if estimate is not None and estimate.status == "ok":
            return estimate_text(estimate)
        reasons.setdefault(column, "not measured" if estimate is None else one_line(estimate.reason))
        return "–"

    rows = [
        [name, shown(headers[1], table.own[name]), *(shown(other, effects.get(other)) for other in table.others)]
        for name, effects in table.effects.items()
    ]
    return headers, rows, [f"– in {column}: {reason}" for column, reason in reasons.items()]
