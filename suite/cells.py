"""Cells: which method is scored on which fixture under which seed."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from interpmark.fixtures import (
    DEFAULT_CONCEPTS,
    DEPTHS,
    OWN_DEPTHS,
    STATIC_EMBEDDINGS,
    WORD_VECTORS,
    Behavior,
    Concept,
    Corpus,
    Facts,
    RowData,
    WordVectors,
    concept_names,
    get_behavior,
    get_concept,
    get_corpus,
    get_facts,
    get_instructions,
    is_vector_file,
    load_concept,
    load_word_vectors,
    planted,
    planted_names,
    site_at,
    word_vectors,
)
from interpmark.fixtures.subjects import SubjectCard, check_placement, describe_subject
from interpmark.methods import DEFAULT_METHODS, MethodSpec, get_method, load_method_source
from interpmark.reports.scorecard import CellId

from .errors import UsageError, did_you_mean
from .options import RunOptions
from .shards import shard_cells

if TYPE_CHECKING:
    from typing import TypeAlias

QUICK_CONCEPT = "gender"
SCORED_KINDS = ("eraser", "steerer")
# How many ids an error message names.
NEAREST = 4


class Place(Protocol):
    """Where a concept is read."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def subject(self) -> str: ...  # noqa: D102
    @property
    def site(self) -> str: ...  # noqa: D102
    @property
    def slot(self) -> str: ...  # noqa: D102


class OnSubject:
    """A fixture that is named after the place on its subject too."""

    @property
    def id(self: Place) -> str:
        """The fixture's name in test ids and tables."""
        return f"{self.name}@{self.subject}/{self.site}:{self.slot}"


class Uncaptured:
    """A fixture whose rows are there without a pass of the subject."""

    @property
    def shard(self) -> str:
        """What is captured together: nothing here is, so all have one name."""
        return "planted"


class GivenRows(Uncaptured):
    """A fixture without a subject."""

    @property
    def id(self: Place) -> str:
        """The fixture's name in test ids and tables."""
        return self.name


@dataclass(frozen=True)
class PlantedFixture(GivenRows):
    """Activations with known ground truth; no language model is involved."""

    name: str
    slot: str = "row"
    site: str = "planted"
    subject: str = "planted"

    @property
    def data(self) -> RowData:
        """The activations."""
        return planted(self.name)


@dataclass(frozen=True, eq=False)
class VectorFixture(GivenRows):
    """Word vectors; no language model is involved."""

    data: WordVectors
    slot: str = "word"
    site: str = "vectors"
    subject: str = "vectors"

    @property
    def name(self) -> str:
        """The name of the built-in vectors, or one after the file's."""
        return self.data.name


@dataclass(frozen=True, eq=False)
class SubjectFixture(OnSubject):
    """A concept on a subject at a site and slot, with its behavior or facts, its instructions and its corpus."""

    concept: Concept
    behavior: Behavior | None
    corpus: Corpus
    card: SubjectCard
    site: str
    slot: str = "last"
    facts: Facts | None = None
    instructions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The concept's name."""
        return self.concept.name

    @property
    def subject(self) -> str:
        """The subject's name."""
        return self.card.name

    @property
    def shard(self) -> str:
        """What is captured together: one forward pass over the concept's prompts serves all sites."""
        return f"{self.name}@{self.subject}"


@dataclass(frozen=True, eq=False)
class EmbeddingFixture(OnSubject, Uncaptured):
    """The subject's own input embeddings, as word vectors. The subject is loaded for them and not run."""

    card: SubjectCard
    name: str = STATIC_EMBEDDINGS
    slot: str = "word"
    site: str = "embeddings"

    @property
    def subject(self) -> str:
        """The subject's name."""
        return self.card.name


RowFixture: TypeAlias = PlantedFixture | VectorFixture
Fixture: TypeAlias = RowFixture | EmbeddingFixture | SubjectFixture


@dataclass(frozen=True, eq=False)
class Cell:
    """A method, a fixture and a seed: the unit of work, of caching and of results."""

    method: MethodSpec
    fixture: Fixture
    seed: int

    @property
    def id(self) -> CellId:
        """The identity that results are filed under."""
        fixture = self.fixture
        return CellId(
            method=self.method.name,
            kind=self.method.info.kind,
            concept=fixture.name,
            subject=fixture.subject,
            site=fixture.site,
            slot=fixture.slot,
            seed=self.seed,
        )

    @property
    def kind(self) -> str:
        """The method's kind."""
        return self.method.info.kind

    def __str__(self) -> str:
        return str(self.id)


def collect_methods(options: RunOptions) -> list[MethodSpec]:
    """The configured methods of a run: those asked for, or the default set, and then the added sources'.

    Raises:
        UsageError: A method is of a kind that nothing here measures.

    """
    added = [get_method(info.name) for source in options.method_sources for info in load_method_source(source)]
    named = [get_method(spec) for spec in options.methods or DEFAULT_METHODS]
    unique = {spec.name: spec for spec in [*named, *added]}
    for spec in unique.values():
        if spec.info.kind not in SCORED_KINDS:
            raise UsageError(
                f"{spec.name} is a {spec.info.kind}, and there are no measures for that kind yet: "
                f"a method is scored as {' or '.join(SCORED_KINDS)}"
            )
    return list(unique.values())


def collect_fixtures(options: RunOptions) -> list[Fixture]:
    """The fixtures of a run: first those without a language model, then by concept, so one capture serves all sites.

    Raises:
        UsageError: A glob matches nothing, or a site, the device or the dtype does not exist.

    """
    wanted = options.fixtures
    given: list[Fixture] = [PlantedFixture(name) for name in planted_names()]
    if any(fnmatch.fnmatchcase(WORD_VECTORS, glob) for glob in wanted):
        given.append(VectorFixture(word_vectors()))
    sources = tuple(dict.fromkeys(options.concepts))
    own_vectors = [VectorFixture(load_word_vectors(source)) for source in sources if is_vector_file(source)]
    own = [load_concept(source) for source in sources if not is_vector_file(source)]
    _check_names([*(vectors.name for vectors in own_vectors), *(concept.name for concept in own)])
    given += own_vectors
    # An own fixture that was named on the command line is in the run whatever the globs say.
    always = [fixture.name for fixture in own_vectors]
    # `--interp-fixtures 'planted*'` must not ask for the subject at all.
    if wanted and not own and all(glob.startswith(("planted", WORD_VECTORS)) for glob in wanted):
        return _matching(given, (*wanted, *always))
    try:
        check_placement(options.device, options.dtype)
    except ValueError as error:
        raise UsageError(str(error)) from error
    card = describe_subject(options.subject)
    if any(fnmatch.fnmatchcase(STATIC_EMBEDDINGS, glob.split("@")[0]) for glob in wanted):
        given.append(EmbeddingFixture(card))
    located: list[Fixture] = []
    for concept in [*own, *(get_concept(name) for name in _concepts_wanted(options))]:
        mine = concept.name in concept_names()
        for site in _sites_of(concept.name, mine, card, options):
            behavior = get_behavior(concept.name) if mine else None
            facts = get_facts(concept.name) if mine else None
            instructions = get_instructions(concept.name) if mine else ()
            corpus = get_corpus("neutral")
            located.append(
                SubjectFixture(concept, behavior, corpus, card, site, facts=facts, instructions=instructions)
            )
    if not wanted:
        return [*given, *located]
    always += [fixture.id for fixture in located if fixture.name in {concept.name for concept in own}]
    return _matching([*given, *located], (*wanted, *always))


def _check_names(own: Sequence[str]) -> None:
    """Refuse two concepts of one name: their rows would stand in one table."""
    for name in own:
        if own.count(name) > 1:
            raise UsageError(f"{own.count(name)} files give a concept called {name!r}: rename all but one of them")


def _concepts_wanted(options: RunOptions) -> tuple[str, ...]:
    """The built-in concepts that a glob can match; the default ones in a run that names no fixtures."""
    if not options.fixtures:
        return (QUICK_CONCEPT,) if options.quick else DEFAULT_CONCEPTS
    # Concepts that no glob can match need not be built.
    globs = [glob.split("@")[0] for glob in options.fixtures]
    return tuple(name for name in concept_names() if any(fnmatch.fnmatch(name, glob) for glob in globs))


def _sites_of(name: str, builtin: bool, card: SubjectCard, options: RunOptions) -> list[str]:
    available = [f"{stream}.{block}" for stream in ("resid_pre", "resid_post") for block in range(card.n_blocks)]
    if options.sites == ("all",):
        return [site for site in available if site.startswith("resid_post")]
    if options.sites:
        for site in options.sites:
            if site not in available:
                hint = did_you_mean(site, available) or "."
                raise UsageError(
                    f"site {site!r} does not exist on {card.name}{hint} "
                    f"Sites are resid_pre.K and resid_post.K with K from 0 to {card.n_blocks - 1}, or 'all'."
                )
        return list(dict.fromkeys(options.sites))
    depths = DEPTHS[name] if builtin else OWN_DEPTHS
    if options.quick:
        depths = depths[:1]
    return list(dict.fromkeys(site_at(depth, card.n_blocks) for depth in depths))


def _matching(fixtures: Sequence[Fixture], globs: Iterable[str]) -> list[Fixture]:
    """The fixtures whose id, or whose concept's name, matches one of the globs."""
    chosen: dict[str, Fixture] = {}
    for glob in globs:
        hits = [f for f in fixtures if fnmatch.fnmatchcase(f.id, glob) or fnmatch.fnmatchcase(f.name, glob)]
        if not hits:
            raise UsageError(f"no fixture matches {glob!r}{_nearest(glob, fixtures)}")
        chosen |= {fixture.id: fixture for fixture in hits}
    return [fixture for fixture in fixtures if fixture.id in chosen]


def _nearest(glob: str, fixtures: Sequence[Fixture]) -> str:
    """What to write instead of a glob that matches nothing: another place of its concept, or another concept."""
    concept, _, place = glob.partition("@")
    ids = [fixture.id for fixture in fixtures if place and fnmatch.fnmatchcase(fixture.name, concept)]
    if ids:
        named = re.search(r"resid_(pre|post)\.\d+", place)
        site = named[0] if named else "resid_post.K"
        return (
            f"; of {concept!r} there is here: {', '.join(ids[:NEAREST])}{', ...' if len(ids) > NEAREST else ''}. "
            f"Another site is asked for with --interp-sites {site} beside {concept!r}, another subject with "
            "--interp-subject; `interpmark show` and `generate` have --site and --subject for that."
        )
    names = sorted({f.name for f in fixtures} | {*concept_names(), WORD_VECTORS, STATIC_EMBEDDINGS})
    return (
        f"{did_you_mean(glob, names) or '.'} "
        f"A glob is matched against ids such as {fixtures[-1].id!r} and against concept names; "
        f"here: {', '.join(names)}."
    )


def collect_cells(options: RunOptions) -> list[Cell]:
    """Every cell of a run, or of its shard, ordered so that what is captured together is scored together."""
    methods = collect_methods(options)
    fixtures = collect_fixtures(options)
    cells = [Cell(method, fixture, seed) for fixture in fixtures for method in methods for seed in options.seeds]
    return cells if options.shard is None else shard_cells(cells, options.shard)


def asked_of(fixture: Fixture, options: RunOptions) -> frozenset[str]:
    """What a run asks for that the fixture can give: without prompts no texts, and nothing of other concepts."""
    return options.asked if isinstance(fixture, SubjectFixture) else options.asked & {"nonlinear"}


def others_of(fixture: SubjectFixture, options: RunOptions) -> list[SubjectFixture]:
    """The run's other concepts that have a behavior, one fixture of each, whatever its site.

    They are those of the whole run and not of its shard, so that every shard scores a cell alike.
    """
    return [other for other in _with_behavior(options) if other.name != fixture.name]


@lru_cache(maxsize=2)
def _with_behavior(options: RunOptions) -> tuple[SubjectFixture, ...]:
    """The first fixture of each concept that has a behavior, by name; asked for once a cell."""
    found: dict[str, SubjectFixture] = {}
    for fixture in collect_fixtures(options):
        if isinstance(fixture, SubjectFixture) and fixture.behavior is not None:
            found.setdefault(fixture.name, fixture)
    return tuple(found[name] for name in sorted(found))
