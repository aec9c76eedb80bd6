"""Which results may stand in one table: the newest of each cell, of one content and one version of each measure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias, TypeVar

from interpmark.reports.scorecard import Scorecard

Name = TypeVar("Name", bound=Hashable)
Age: TypeAlias = "tuple[datetime, str]"

# What a fixture's results depend on beside the method: results that differ here are not comparable.
CONTENT = ("fixture_hash", "subject_hash", "dtype", "prefix", "engine_version")
_LISTED = 12


@dataclass(frozen=True)
class Comparable:
    """Scorecards of one fixture and kind that may share a table.

    `outdated` marks a group that is not its fixture's newest; `note` then names the cells to run again.
    """

    fixture: str
    kind: str
    cards: tuple[Scorecard, ...]
    outdated: bool = False
    note: str = ""


@dataclass(frozen=True)
class Selection:
    """Groups of comparable scorecards, and those that a newer result of the same cell or method supersedes."""

    groups: tuple[Comparable, ...]
    superseded: tuple[Scorecard, ...]

    @property
    def current(self) -> tuple[Scorecard, ...]:
        """Every scorecard of the groups that are not outdated, in the order of the groups."""
        return tuple(card for group in self.groups if not group.outdated for card in group.cards)


def select(scorecards: Iterable[Scorecard]) -> Selection:
    """Keep the newest result of each cell, and split each fixture where content or measure versions differ."""
    cards = sorted(scorecards, key=age)
    newest = _grouped(cards, lambda card: str(card.cell))
    kept = [versions[-1] for versions in newest.values()]
    superseded = [card for versions in newest.values() for card in versions[:-1]]
    groups: list[Comparable] = []
    by_table = _grouped(sorted(kept, key=age), lambda card: (card.cell.fixture, card.cell.kind))
    for (fixture, kind), rows in sorted(by_table.items(), key=lambda item: item[0]):
        current, older = _one_source_per_method(rows)
        superseded += older
        groups += _split(fixture, kind, current)
    return Selection(tuple(groups), tuple(superseded))


def age(card: Scorecard) -> Age:
    """Order by the time a card was finished, cards without a readable time first, ties by key."""
    try:
        finished = datetime.fromisoformat(str(card.provenance.get("finished", "")))
    except ValueError:
        finished = datetime.min
    # Times without a zone are taken as UTC, so that all can be compared.
    return (finished if finished.tzinfo else finished.replace(tzinfo=UTC), card.key)


def _grouped(cards: Iterable[Scorecard], name: Callable[[Scorecard], Name]) -> dict[Name, list[Scorecard]]:
    groups: dict[Name, list[Scorecard]] = defaultdict(list)
    for card in cards:
        groups[name(card)].append(card)
    return groups


def _one_source_per_method(cards: list[Scorecard]) -> tuple[list[Scorecard], list[Scorecard]]:
    """Keep, of each method, the seeds that ran the newest source: a mean over two sources is of no method."""
    newest = {card.cell.method: card.provenance.get("method_hash") for card in cards}  # the last, newest, one stays
    same = [card.provenance.get("method_hash") == newest[card.cell.method] for card in cards]
    return (
        [card for card, keep in zip(cards, same, strict=True) if keep],
        [card for card, keep in zip(cards, same, strict=True) if not keep],
    )


def _split(fixture: str, kind: str, cards: list[Scorecard]) -> list[Comparable]:
    """Return the groups of cards that are comparable, the one with the newest card first."""
    latest: dict[str, int] = {}
    for card in cards:
        for measure, version in (card.measure_versions or {}).items():
            latest[measure] = max(version, latest.get(measure, version))
    groups = list(_grouped(cards, lambda card: _identity(card, latest)).items())
    (reference, first), *rest = reversed(groups)
    split = [Comparable(fixture, kind, tuple(first))]
    for identity, older in rest:
        what = ", ".join(_differences(reference, identity))
        names = [str(card.cell) for card in older]
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        note = (
            f"{fixture}: results that differ in {what} from the newest stand in a table of their own; "
            f"to compare all, run again: {', '.join(names[:_LISTED])}{more}"
        )
        split.append(Comparable(fixture, kind, tuple(older), outdated=True, note=note))
    return split


def _identity(card: Scorecard, latest: dict[str, int]) -> tuple[tuple[str, str], ...]:
    """Return (name, value) of all that must agree: the content, and the measures of which a newer version exists."""
    content = [(name, str(card.provenance.get(name))) for name in CONTENT]
    versions = (card.measure_versions or {}).items()
    behind = [(measure, f"version {version}") for measure, version in versions if version != latest[measure]]
    return (*content, *sorted(behind))


def _differences(reference: tuple[tuple[str, str], ...], other: tuple[tuple[str, str], ...]) -> list[str]:
    return sorted({name.replace("_", " ") for name, _ in set(reference) ^ set(other)})
