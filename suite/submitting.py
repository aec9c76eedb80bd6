"""`interpmark submit`: is a store fit to be published beside others' results, and if not, what mends it?

The scorecards are held against themselves (`reports.submission`) and against what this interpmark knows: keys follow
from what they are hashes of, methods and fixtures have the content that they have here, and the controls are there.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from interpmark.fixtures import (
    STATIC_EMBEDDINGS,
    WORD_VECTORS,
    FixtureError,
    concept_names,
    get_behavior,
    get_concept,
    get_corpus,
    get_facts,
    planted_names,
    word_vectors,
)
from interpmark.fixtures.subjects import SubjectError, describe_subject, subject_hash, subject_names
from interpmark.methods import DEFAULT_METHODS, MethodError, MethodSpec, available, get_method, load_method_source
from interpmark.reports.numbers import one_line
from interpmark.reports.scorecard import CellId, Scorecard
from interpmark.reports.store import Store
from interpmark.reports.submission import Finding, check_cards, read_submission

from .cells import EmbeddingFixture, Fixture, PlantedFixture, SubjectFixture, VectorFixture
from .keys import Keys, key_of
from .options import DEFAULT_SUBJECT, RunOptions

_LISTED = 8


@dataclass(frozen=True)
class Verdict:
    """What was found in a store; it can be taken when nothing but notes was."""

    root: Path
    cards: tuple[Scorecard, ...]
    findings: tuple[Finding, ...]

    @property
    def accepted(self) -> bool:
        """Whether nothing stands against it."""
        return all(finding.note for finding in self.findings)

    def to_text(self) -> str:
        """The findings with what mends each, and the verdict."""
        cells = [card.cell for card in self.cards]
        size = (len({c.method for c in cells}), len({c.fixture for c in cells}), len({c.seed for c in cells}))
        lines = [f"{self.root}: {len(cells)} scorecards, {size[0]} methods, {size[1]} fixtures, {size[2]} seeds"]
        for finding in self.findings:
            lines += ["", *_told(finding, self.root, self.cards)]
        against = sum(not finding.note for finding in self.findings)
        verdict = "fit to be submitted" if self.accepted else f"not yet fit to be submitted: {against} to mend"
        return "\n".join([*lines, "", verdict])


def _told(finding: Finding, root: Path, cards: Sequence[Scorecard]) -> Iterator[str]:
    yield f"{'note' if finding.note else 'MEND'}: {one_line(finding.what)}"
    yield from (f"  {one_line(cell)}" for cell in finding.cells[:_LISTED])
    if len(finding.cells) > _LISTED:
        yield f"  and {len(finding.cells) - _LISTED} more"
    if finding.mend:
        yield f"  -> {finding.mend}"
    yield from (f"  $ {command}" for command in commands(finding.again, root, cards))


def check_submission(root: Path, method_sources: Iterable[str] = ()) -> Verdict:
    """Check the store at `root`; `method_sources` are files of methods that are not installed here.

    Raises StoreError when there is no store.
    """
    for source in method_sources:
        load_method_source(source)
    cards, findings = read_submission(Store.open(root))
    findings += check_cards(cards)
    for check in (controls, keys, methods, fixtures, subjects):
        findings += check(cards)
    return Verdict(root, tuple(cards), tuple(sorted(findings, key=lambda finding: finding.note)))


def controls(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """Each kind's controls were scored: without them nobody can tell what a score is worth."""
    for kind in sorted({card.cell.kind for card in cards}):
        cells = [card.cell for card in cards if card.cell.kind == kind]
        places = {(c.concept, c.subject, c.site, c.slot, c.seed) for c in cells}
        there = {cell.method for cell in cells}
        missing = [name for name in required_controls(kind) if name not in there]
        if missing:
            again = tuple(CellId(name, kind, *place) for name in missing for place in sorted(places))
            yield Finding(f"controls for the kind {kind} are missing", tuple(missing), again=again)


def required_controls(kind: str) -> tuple[str, ...]:
    """The controls that a table of this kind shows: those of the default run, else all that are registered."""
    default = [get_method(spec) for spec in DEFAULT_METHODS]
    names = [spec.name for spec in default if spec.info.control and spec.info.kind == kind]
    return tuple(names or (info.name for info in available() if info.control and info.kind == kind))


def keys(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """Each key is the hash of what the scorecard says that it depends on."""
    off = tuple(str(card.cell) for card in cards if not _follows(card))
    if off:
        advice = "they were changed, or made by another interpmark: score these cells again with this one"
        yield Finding("keys do not follow from the scorecards", off, mend=advice)


def _follows(card: Scorecard) -> bool:
    """Whether the key is that of what the provenance says was hashed, and this is what the rest of the card says."""
    hashed, provenance = card.provenance.get("hashed"), card.provenance
    if not isinstance(hashed, Mapping) or key_of(hashed) != card.key:
        return False
    said = (card.cell.method, card.cell.seed, provenance.get("method_hash"), provenance.get("fixture_hash"))
    # A failed cell was measured by nothing; of the others, not every measure that scores the kind applies.
    versions = dict(hashed.get("measures") or {})
    measured = (card.measure_versions or {}).items()
    return said == tuple(hashed.get(name) for name in ("method", "seed", "source", "fixture")) and all(
        versions.get(measure) == version for measure, version in measured
    )


def methods(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """Each method's source is the one that is registered here under its name."""
    unknown, other, again = set(), set(), []
    for card in cards:
        spec = _registered(card.cell.method)
        if spec is None:
            unknown.add(card.cell.method)
        elif spec.source_hash != card.provenance.get("method_hash"):
            other.add(card.cell.method)
            again.append(card.cell)
    if other:
        yield Finding("methods have another source here than they were scored with", tuple(sorted(other)), tuple(again))
    if unknown:
        advice = "give its file with --method FILE, and hand the file in with the store"
        yield Finding(
            "methods are not known here, so their source cannot be checked", tuple(sorted(unknown)), mend=advice
        )


def _registered(method: str) -> MethodSpec | None:
    try:
        return get_method(method)
    except MethodError:
        return None


def fixtures(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """Each fixture has the content that it has here."""
    other: list[CellId] = []
    unknown: set[str] = set()
    for card in cards:
        here = _fixture_hash(
            card.cell.concept,
            card.cell.site,
            card.cell.slot,
            *(
                str(card.provenance.get(name, ""))
                for name in ("subject_spec", "subject_hash", "dtype", "prefix", "device")
            ),
        )
        if here is None:
            unknown.add(card.cell.fixture)
        elif here != card.provenance.get("fixture_hash"):
            other.append(card.cell)
    if other:
        names = tuple(sorted({cell.fixture for cell in other}))
        yield Finding("fixtures have another content here than they were scored with", names, again=tuple(other))
    if unknown:
        advice = "hand the concept's file in with the store, so that others can make the results again"
        yield Finding(
            "fixtures are not built in, so their content cannot be checked",
            tuple(sorted(unknown)),
            mend=advice,
            note=True,
        )


@cache
def _fixture_hash(
    concept: str, site: str, slot: str, subject: str, weights: str, dtype: str, prefix: str, device: str
) -> str | None:
    """The fixture's hash as this interpmark would write it; None for one that is not built in."""
    options = RunOptions(dtype=dtype or "float32", prefix=prefix or "auto", device=device or "cpu")
    try:
        fixture = _fixture(concept, site, slot, subject)
    except (FixtureError, SubjectError, OSError):
        return None
    return None if fixture is None else Keys(options, {subject: weights}).fixture(fixture)


def _fixture(concept: str, site: str, slot: str, subject: str) -> Fixture | None:
    if concept in planted_names():
        return PlantedFixture(concept)
    if concept == WORD_VECTORS:
        return VectorFixture(word_vectors())
    if not subject:
        return None
    if concept == STATIC_EMBEDDINGS:
        return EmbeddingFixture(describe_subject(subject))
    if concept not in concept_names():
        return None
    behavior, facts = get_behavior(concept), get_facts(concept)
    card = describe_subject(subject)
    return SubjectFixture(get_concept(concept), behavior, get_corpus("neutral"), card, site, slot, facts)


def subjects(cards: Sequence[Scorecard]) -> Iterator[Finding]:
    """A subject with a name has the weights of that name."""
    found = {(str(card.provenance.get("subject_spec")), str(card.provenance.get("subject_hash"))) for card in cards}
    for spec, weights in sorted(found):
        if spec in subject_names() and subject_hash(spec) != weights:
            again = tuple(card.cell for card in cards if card.provenance.get("subject_spec") == spec)
            yield Finding(f"the weights are not those of {spec}", again=again)


def commands(cells: Sequence[CellId], root: Path, cards: Sequence[Scorecard]) -> Iterator[str]:
    """The commands that score these cells into the store, one a subject, as the other cells were scored."""
    specs = {card.cell.subject: str(card.provenance.get("subject_spec") or "") for card in cards}
    for subject in sorted({cell.subject for cell in cells}):
        mine = [cell for cell in cells if cell.subject == subject]
        given: list[str] = ["pytest", "--pyargs", "interpmark.suite", "--interp-store", str(root)]
        given += ["--interp-methods", _listed(cell.method for cell in mine)]
        given += ["--interp-fixtures", _listed(cell.fixture for cell in mine)]
        given += ["--interp-seeds", _listed(str(cell.seed) for cell in mine)]
        if specs.get(subject):
            given += ["--interp-sites", _listed(cell.site for cell in mine)]
            given += ["--interp-subject", specs[subject]] if specs[subject] != DEFAULT_SUBJECT else []
            given += _settings([card for card in cards if card.cell.subject == subject])
        yield shlex.join(given)


def _listed(names: Iterable[str]) -> str:
    return ",".join(dict.fromkeys(names))


def _settings(cards: Sequence[Scorecard]) -> list[str]:
    """The settings that are not the default ones, as most cells have them."""
    defaults = RunOptions()
    given: list[str] = []
    for name in ("device", "dtype", "prefix"):
        values = [str(card.provenance[name]) for card in cards if card.provenance.get(name)]
        usual = max(sorted(set(values)), key=values.count) if values else ""
        if usual and usual != getattr(defaults, name):
            given += [f"--interp-{name}", usual]
    return given
