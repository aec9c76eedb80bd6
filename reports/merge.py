"""Joining the stores of several jobs or machines into one, or a refusal that says what keeps them apart.

Everything is compared before anything is written, and every file is written whole. A merge that was killed is finished
by running it again; one that was finished changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from interpmark.reports.jsontext import dumps
from interpmark.reports.leaderboard import write_reports
from interpmark.reports.measures import MEASURES
from interpmark.reports.scorecard import CellId, Scorecard
from interpmark.reports.selection import Age, age
from interpmark.reports.store import Store, StoreError

_LISTED = 8
_MEASURES_TOLD = 2
_ENVIRONMENT = ("packages", "processor", "platform", "device", "attention", "threads")


@dataclass(frozen=True)
class Merged:
    """The joined store, how many cells were added or replace a failed row, and how many it has."""

    store: Store
    added: int
    total: int


def merge(stores: Sequence[str | PathLike[str]], into: str | PathLike[str]) -> Merged:
    """Copy the cells of `stores`, with their edits, into the store `into`, and write its reports anew.

    `into` is made when it does not exist; when it does, its cells are compared like any other store's. A failed row
    gives way to a finished one of the same key.

    Raises StoreError when a folder is no store, when two stores hold different results under one key, or when they
    hold results of a method, a fixture or a cell that differ in what the results depend on; of several results in one
    store the newest counts. Raises SchemaError for a scorecard of another schema.
    """
    sources = [Store.open(root) for root in stores]
    target = [Store.open(into)] if (Path(into) / "store.json").is_file() else []
    _check_together([*target, *sources])
    store = Store(into)
    added = sum(store.union(source) for source in sources)
    cards = store.scorecards()
    write_reports(cards, store.root)
    return Merged(store, added, len(cards))


@dataclass(frozen=True)
class _Row:
    """What a scorecard is compared by; its examples, which may be large, are not kept."""

    store: Store
    key: str
    cell: CellId
    age: Age
    facts: Mapping[str, str]
    results: str | None  # hash; None for a failed row

    @classmethod
    def of(cls, card: Scorecard, store: Store) -> _Row:
        facts = {name: str(value) for name, value in card.provenance.items() if value is not None}
        facts |= {"key": card.key, "measures": str(sorted((card.measure_versions or {}).items()))}
        results = None if card.error else hashlib.sha256(dumps(card.results()).encode()).hexdigest()
        return cls(store, card.key, card.cell, age(card), facts, results)


@dataclass(frozen=True)
class _Scope:
    """Results that must agree: those of one name must have one identity, a fact; `why` are facts that explain it."""

    name: Callable[[CellId], str]
    identity: str
    called: str
    why: Mapping[str, str]


_SCOPES = (
    _Scope(lambda cell: f"{cell.kind} {cell.method}", "method_hash", "method source", {}),
    _Scope(
        lambda cell: cell.fixture,
        "fixture_hash",
        "fixture content",
        {"subject_hash": "subject weights", "dtype": "dtype", "prefix": "prefix", "device": "device"},
    ),
    _Scope(str, "key", "key", {"engine_version": "engine version", "measures": "measure versions"}),
)


def _check_together(stores: Sequence[Store]) -> None:
    """Raise StoreError that names what differs, in the widest scope where anything does."""
    rows = [list(_rows(store)) for store in stores]
    for scope in _SCOPES:
        _refuse(list(_different_identities(scope, rows)), "score one of them again as the other was scored")
    _refuse(
        list(_different_results(rows)),
        "results of one key must be equal; score these cells once, in one setting, or leave one of the stores out",
    )


def _rows(store: Store) -> Iterator[_Row]:
    for key in store.keys():  # noqa: SIM118 - a Store is no mapping
        card = store.peek(key)
        if card is not None:
            yield _Row.of(card, store)


def _refuse(reasons: Sequence[str], advice: str) -> None:
    if reasons:
        more = [f"and {len(reasons) - _LISTED} more"] if len(reasons) > _LISTED else []
        raise StoreError("\n  ".join(["the stores do not go together:", *reasons[:_LISTED], *more, advice]))


def _different_identities(scope: _Scope, rows: Sequence[Sequence[_Row]]) -> Iterator[str]:
    first: dict[str, _Row] = {}
    for mine in rows:
        newest = {scope.name(row.cell): row for row in sorted(mine, key=lambda row: row.age)}
        for name, row in newest.items():
            other = first.setdefault(name, row)
            if row.facts.get(scope.identity) != other.facts.get(scope.identity):
                yield f"{name}: {_difference(scope, other, row)}"


def _difference(scope: _Scope, one: _Row, two: _Row) -> str:
    differing = {fact: called for fact, called in scope.why.items() if one.facts.get(fact) != two.facts.get(fact)}
    told = [
        f"{called} {_short(one.facts.get(fact))} in {one.store.root}, {_short(two.facts.get(fact))} in {two.store.root}"
        for fact, called in (differing or {scope.identity: scope.called}).items()
    ]
    return "; ".join(told)


def _short(value: str | None) -> str:
    """A hash by its first characters, everything else as it is."""
    if value is None:
        return "unknown"
    return value[:12] if len(value) == 64 and value.isalnum() else value


def _different_results(rows: Sequence[Sequence[_Row]]) -> Iterator[str]:
    first: dict[str, _Row] = {}
    for row in (row for mine in rows for row in mine if row.results is not None):
        other = first.setdefault(row.key, row)
        if row.results != other.results:
            one, two = other.store.peek(row.key), row.store.peek(row.key)
            if one is not None and two is not None:
                yield f"{row.cell}: {_unequal(one, two)}, in {other.store.root} and in {row.store.root}"


def _unequal(one: Scorecard, two: Scorecard) -> str:
    """Which results differ, and what differs in the machines that they were made on."""
    ours, theirs = one.results(), two.results()
    parts = [name for name in ours if ours[name] != theirs[name] and name != "estimates"]
    values = {e.measure: e.value for e in two.estimates if MEASURES[e.measure].group != "cost"}
    measures = [
        f"{e.measure} {e.value} and {values[e.measure]}"
        for e in one.estimates
        if e.measure in values and e.value != values[e.measure]
    ]
    machines = [name for name in _ENVIRONMENT if one.provenance.get(name) != two.provenance.get(name)]
    if len(measures) > _MEASURES_TOLD:
        measures[_MEASURES_TOLD:] = [f"{len(measures) - _MEASURES_TOLD} more measures"]
    where = f" (they differ in {', '.join(machines)})" if machines else ""
    return f"{', '.join([*measures, *parts]) or 'estimates'} under the key {_short(one.key)}{where}"
