"""The same cell in two runs: which scorecards belong together, and what befell the cell as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

from interpmark.reports.estimate import Estimate
from interpmark.reports.gate.verdicts import Verdict
from interpmark.reports.numbers import one_line
from interpmark.reports.paired import why_incomparable
from interpmark.reports.pooling import pool
from interpmark.reports.scorecard import CellId, Scorecard
from interpmark.reports.selection import age

Seeds: TypeAlias = dict[int, Scorecard]


class Fate(NamedTuple):
    """What befell a cell as a whole, and why."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, eq=False)
class Pair:
    """A method on a fixture in two runs: by seed, the newest scorecards before and after."""

    before: Seeds
    after: Seeds

    @cached_property
    def newest(self) -> Scorecard:
        """A scorecard of the later run, or of the only one."""
        return next(iter((self.after or self.before).values()))

    @property
    def cell(self) -> CellId:
        """The cell, of any seed."""
        return self.newest.cell

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that finished in both runs."""
        both = self.before.keys() & self.after.keys()
        return tuple(sorted(s for s in both if self.before[s].error is None and self.after[s].error is None))

    def cards(self) -> tuple[list[Scorecard], list[Scorecard]]:
        """The scorecards of these seeds, before and after."""
        return [self.before[seed] for seed in self.seeds], [self.after[seed] for seed in self.seeds]

    @cached_property
    def estimates(self) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
        """Each measure's estimate over these seeds, before and after."""
        before, after = self.cards()
        return _pooled(before), _pooled(after)

    def fate(self) -> Fate | None:
        """What befell the cell as a whole; None when there is nothing to say but what its measures say."""
        if not self.after:
            return Fate("missing", "it was scored before and is gone")
        if not self.before:
            return Fate("new", "it was not scored before")
        if not self.before.keys() & self.after.keys():
            return Fate("incomparable", f"{_seeds(self.before)} before and {_seeds(self.after)} after; {self.advice()}")
        return self._failure() or self._other_content()

    def _failure(self) -> Fate | None:
        common = sorted(self.before.keys() & self.after.keys())
        failed = [(self.before[seed].error, self.after[seed].error) for seed in common]
        broken = [after for before, after in failed if before is None and after is not None]
        mended = [before for before, after in failed if before is not None and after is None]
        both = [after for before, after in failed if before is not None and after is not None]
        if broken:
            return Fate("regressed", f"it fails now: {one_line(broken[0].line)}")
        if mended:
            return Fate("improved", f"it failed before: {one_line(mended[0].line)}")
        return Fate("unchanged", f"it fails as before: {one_line(both[0].line)}") if both else None

    def _other_content(self) -> Fate | None:
        for before, after in zip(*self.cards(), strict=True):
            reason = why_incomparable(before, after, "")
            if reason:
                return Fate("incomparable", f"{reason}; {self.advice()}")
        return None

    def advice(self) -> str:
        """How to make the two runs comparable."""
        older = "before" if age(next(iter(self.before.values()))) <= age(next(iter(self.after.values()))) else "after"
        cell = self.cell
        command = (
            f"pytest --pyargs interpmark.suite --interp-fixtures '{cell.fixture}' --interp-methods '{cell.method}'"
        )
        return f"score it again as the other run did, here the older one ({older}): {command}"


def pairs_of(before: Iterable[Scorecard], after: Iterable[Scorecard]) -> list[Pair]:
    """Lay two runs side by side, by kind, fixture and method."""
    ours, theirs = _by_cell(before), _by_cell(after)
    return [Pair(ours.get(name, {}), theirs.get(name, {})) for name in sorted(ours.keys() | theirs.keys())]


def _by_cell(cards: Iterable[Scorecard]) -> dict[tuple[str, str, str], Seeds]:
    """Of each cell the newest result of each seed, all of one source of the method."""
    found: dict[tuple[str, str, str], Seeds] = {}
    sources: dict[tuple[str, str, str], object] = {}
    for card in sorted(cards, key=age, reverse=True):
        name = (card.cell.kind, card.cell.fixture, card.cell.method)
        source = sources.setdefault(name, card.provenance.get("method_hash"))
        if card.provenance.get("method_hash") == source:
            found.setdefault(name, {}).setdefault(card.cell.seed, card)
    return found


def _pooled(cards: Iterable[Scorecard]) -> dict[str, Estimate]:
    by_measure: dict[str, list[Estimate]] = {}
    for card in cards:
        for estimate in card.estimates:
            by_measure.setdefault(estimate.measure, []).append(estimate)
    # Where one seed was not scored, the cell is not: a mean over other seeds than before is no comparison.
    return {
        measure: next((one for one in found if one.status != "ok"), None) or pool(found)
        for measure, found in by_measure.items()
    }


def _seeds(cards: Seeds) -> str:
    return f"seed{'s' * (len(cards) > 1)} {', '.join(map(str, sorted(cards)))}"
