"""A run as a saved run: what it was asked for, and where and on what it ran."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from interpmark.reports.baselines import SavedRun
from interpmark.reports.jsontext import plain
from interpmark.reports.scorecard import CellId, Scorecard, Scorecards

from .options import RunOptions
from .provenance import environment

_METHODS = ("methods", "method_sources")
_FIXTURES = ("fixtures", "concepts", "subject", "sites", "quick")


def saved_run(cards: Iterable[Scorecard], options: RunOptions) -> SavedRun:
    """Return the scorecards of this run with its commit, its machine and what it was asked for."""
    facts = dict(environment())
    commit = {"id": facts.pop("commit"), "dirty": facts.pop("dirty")}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return SavedRun(Scorecards(cards), now, commit, _plain(facts), asked(options))


def asked(options: RunOptions) -> dict[str, Any]:
    """Return the options that say which cells a run has. Files go by their names: folders differ by machine."""
    sources = {name: [_file_name(s) for s in getattr(options, name)] for name in ("method_sources", "concepts")}
    others = {name: getattr(options, name) for name in (*_METHODS, *_FIXTURES, "seeds") if name not in sources}
    return _plain(others | sources)


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    result = plain(facts)
    assert isinstance(result, dict)
    return result


def _file_name(source: str) -> str:
    return PurePath(source).name


def belongs(cell: CellId, then: SavedRun, options: RunOptions, planned: Collection[CellId]) -> bool:
    """Return whether a run with these options was to have a cell of a saved run.

    Asked for the same methods (or fixtures) as the saved run, it was to have all of the saved run's; asked for others,
    only those that it collected.
    """
    now = asked(options)

    def same(names: tuple[str, ...]) -> bool:
        return all(name in then.asked and then.asked[name] == now[name] for name in names)

    return (
        (same(_METHODS) or cell.method in {mine.method for mine in planned})
        and (same(_FIXTURES) or cell.fixture in {mine.fixture for mine in planned})
        and cell.seed in options.seeds
    )


def regenerated(then: SavedRun, now: SavedRun, kept: Iterable[CellId]) -> SavedRun | None:
    """Return the saved run with this run's results in place of its own, None where they are equal already.

    `kept` are cells of `then` that this run had nothing to do with. What neither ran nor is kept goes.
    """
    staying = set(kept)
    old = [card for card in then.scorecards if card.cell in staying]
    before = {card.cell: card.results() for card in then.scorecards}
    after = {card.cell: card.results() for card in (*old, *now.scorecards)}
    if before == after:
        return None
    # The cells that were kept are not of the commit that is named now, but the asked-for ones are.
    asked_for = then.asked if old else now.asked
    return SavedRun(Scorecards((*old, *now.scorecards)), now.saved, now.commit, now.machine, asked_for)
