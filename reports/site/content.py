"""What the site is about: fixtures, and a method's results on each of them, under the names that pages go by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from interpmark.reports.estimate import Estimate
from interpmark.reports.leaderboard import Leaderboard, Row, Table, leaderboard
from interpmark.reports.measures import MEASURES, headlines
from interpmark.reports.scorecard import CellId, Scorecard
from interpmark.reports.selection import select
from interpmark.reports.site.slugs import slugs

if TYPE_CHECKING:
    from interpmark.reports.ranking import Rank, Ranking

_BLOCK = re.compile(r"\.(\d+)$")
_RANK = re.compile(r"\brank=(\d+)\b")


@dataclass(frozen=True)
class Entry:
    """One method on one fixture: a row of a table, and all that its panel tells. `id` is its part of a permalink."""

    id: str
    method_slug: str
    row: Row
    cards: tuple[Scorecard, ...]

    @property
    def method(self) -> str:
        """The configured method's name."""
        return self.row.method

    @property
    def family(self) -> str:
        """The method's name without its parameters: `inlp` of `inlp(rank=4)`."""
        return self.method.split("(", 1)[0]

    @property
    def rank(self) -> int | None:
        """The `rank` among the method's parameters."""
        found = _RANK.search(self.method)
        return int(found[1]) if found else None

    def value(self, measure: str) -> Estimate | None:
        """The measure's estimate where it was scored."""
        found = self.row.estimates.get(measure)
        return found if found is not None and found.status == "ok" else None


@dataclass(frozen=True)
class Section:
    """One table of a fixture's page: the results of one kind of method that may be compared."""

    table: Table
    entries: tuple[Entry, ...]

    @property
    def kind(self) -> str:
        """The kind of method."""
        return self.table.kind

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """The headline measures that some method was scored by."""
        return tuple(m for m in headlines(self.kind) if any(entry.value(m) for entry in self.entries))

    def rank(self, method: str, measure: str) -> Rank | None:
        """The interval of a method's rank, None where it has none."""
        ranking = self.table.rankings.get(measure)
        return None if ranking is None else ranking.rank_of(method)

    def rank_words(self, method: str, measure: str) -> str:
        """`rank 2–4 of 9, tie groups a, b`; "" where the method has no rank."""
        rank = self.rank(method, measure)
        if rank is None:
            return ""
        groups = f", tie group{'s' * (len(rank.letters) > 1)} {', '.join(rank.letters)}" if rank.letters else ""
        return f"rank {rank} of {len(self.table.rankings[measure].ranks)}{groups}"

    @property
    def front(self) -> tuple[str, ...]:
        """The methods on the Pareto front."""
        return () if self.table.front is None else self.table.front.members

    @cached_property
    def absent(self) -> dict[str, str]:
        """Title -> reason of the headline measures that no method was scored by."""
        found: dict[str, str] = {}
        for name in headlines(self.kind):
            if name not in self.measures:
                reasons = [e.row.estimates[name].reason for e in self.entries if name in e.row.estimates]
                found[MEASURES[name].title] = reasons[0] if reasons else "not measured"
        return found


@dataclass(frozen=True)
class Fixture:
    """A fixture's page: its tables, those that are current first."""

    name: str
    slug: str
    cell: CellId
    sections: tuple[Section, ...]

    @property
    def block(self) -> int | None:
        """The number of the block of the fixture's site."""
        found = _BLOCK.search(self.cell.site)
        return int(found[1]) if found else None

    @property
    def planted(self) -> bool:
        """Whether the activations are given, so that no subject is involved."""
        return self.name == self.cell.concept

    @property
    def where(self) -> str:
        """The subject, site and slot in words."""
        return "planted" if self.planted else f"{self.cell.subject}, {self.cell.site}, {self.cell.slot}"

    @cached_property
    def current(self) -> tuple[Section, ...]:
        """The sections that are not outdated."""
        return tuple(section for section in self.sections if not section.table.outdated)

    @cached_property
    def context(self) -> Mapping[str, Estimate]:
        """What describes the fixture and no method, such as its majority rate."""
        return {name: e for section in reversed(self.current) for name, e in section.table.context.items()}


@dataclass(frozen=True)
class Content:
    """All that the site shows. `made` is when the newest cell was finished."""

    fixtures: tuple[Fixture, ...]
    board: Leaderboard
    made: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, and why."""
        return self.board.notes

    @property
    def scorecards(self) -> tuple[Scorecard, ...]:
        """The cells that the current tables were made from."""
        return self.board.scorecards

    @cached_property
    def standings(self) -> dict[str, tuple[Ranking, ...]]:
        """By kind of method, the ranks over fixtures, one ranking a measure."""
        kinds = dict.fromkeys(ranking.kind for ranking in self.board.summaries)
        return {kind: tuple(one for one in self.board.summaries if one.kind == kind) for kind in kinds}

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of method with current results."""
        return tuple(sorted({section.kind for fixture in self.fixtures for section in fixture.current}))

    @cached_property
    def methods(self) -> dict[str, list[tuple[Fixture, Section, Entry]]]:
        """Method -> its current results, in the order of the fixtures."""
        found: dict[str, list[tuple[Fixture, Section, Entry]]] = {}
        for fixture, section, entry in self.results:
            found.setdefault(entry.method, []).append((fixture, section, entry))
        return dict(sorted(found.items()))

    @cached_property
    def results(self) -> list[tuple[Fixture, Section, Entry]]:
        """Every current result."""
        return [(f, section, entry) for f in self.fixtures for section in f.current for entry in section.entries]

    @cached_property
    def subjects(self) -> dict[str, list[Fixture]]:
        """Subject -> its fixtures."""
        found: dict[str, list[Fixture]] = {}
        for fixture in self.fixtures:
            if not fixture.planted:
                found.setdefault(fixture.cell.subject, []).append(fixture)
        return dict(sorted(found.items()))

    @cached_property
    def subject_slugs(self) -> dict[str, str]:
        """Subject -> slug."""
        return slugs(self.subjects)


def content(scorecards: Iterable[Scorecard]) -> Content:
    """Lay scorecards out for the site."""
    cards = list(scorecards)
    board = leaderboard(cards)
    groups = select(cards).groups
    fixture_slugs = slugs(sorted({group.fixture for group in groups}))
    method_slugs = slugs(sorted({card.cell.method for group in groups for card in group.cards}))
    sections: dict[str, list[Section]] = {name: [] for name in fixture_slugs}
    for group, table in zip(groups, board.tables, strict=True):
        older = sum(section.table.outdated for section in sections[group.fixture]) + 1 if table.outdated else 0
        sections[group.fixture].append(Section(table, tuple(_entries(table, group.cards, method_slugs, older))))
    first = {group.fixture: group.cards[0].cell for group in reversed(groups)}
    fixtures = sorted(
        (Fixture(name, slug, first[name], tuple(sections[name])) for name, slug in fixture_slugs.items()),
        key=lambda f: (f.planted, f.cell.subject, f.cell.concept, f.block or 0, f.name),
    )
    made = max((str(card.provenance.get("finished", "")) for card in board.scorecards), default="")
    return Content(tuple(fixtures), board, made)


def _entries(table: Table, cards: Sequence[Scorecard], method_slugs: Mapping[str, str], older: int) -> Iterable[Entry]:
    for row in table.rows:
        own = sorted((card for card in cards if card.cell.method == row.method), key=lambda card: card.cell.seed)
        slug = method_slugs[row.method]
        # A '~' is in no slug, so the id of an outdated result is never that of a method.
        yield Entry(f"{slug}~{older}" if older else slug, slug, row, tuple(own))
