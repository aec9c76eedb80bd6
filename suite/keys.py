"""Keys: a hash of everything that a cell's result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from interpmark.fixtures import floors_of
from interpmark.fixtures.static_embeddings import SIZES as EMBEDDING_SIZES
from interpmark.fixtures.subjects import subject_hash
from interpmark.methods import MethodSpec
from interpmark.reports.measures import measure_versions, measures_for
from interpmark.reports.scorecard import SCHEMA

from .cells import Cell, EmbeddingFixture, Fixture, SubjectFixture, asked_of, others_of
from .options import RunOptions
from .provenance import environment

# Raised when the engine changes what a score means without any measure changing.
ENGINE_VERSION = 1

# Raised when a scorecard keeps other per-example scores: cells are then scored anew, with the same numbers as before.
EXAMPLES_VERSION = 2


def key_of(content: Mapping[str, object]) -> str:
    """The key of what a result depends on, as provenance holds it under "hashed": sha256, hexadecimal."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Keys:
    """Names results by their content, so that they are reused for no other reason than being the same."""

    def __init__(self, options: RunOptions, subjects: Mapping[str, str] | None = None) -> None:
        # `subjects`: hashes of subjects that are known already, by spec.
        self._options = options
        self._hashes: dict[str, str] = dict(subjects or {})
        self._sources: dict[str, str] = {}

    def cell(self, cell: Cell) -> str:
        """The cell's key: sha256, hexadecimal."""
        return key_of(self._hashed(cell))

    def _hashed(self, cell: Cell) -> dict[str, object]:
        """All that a cell's result depends on.

        Of the measures it holds the versions of those that score the method's kind, and of those that the run asked
        for: a measure of steerers, or one that was not asked for, leaves an eraser's results as they are.
        """
        return {
            "schema": SCHEMA,
            "engine": ENGINE_VERSION,
            "examples": EXAMPLES_VERSION,
            "measures": measure_versions(measures_for(cell.kind, asked_of(cell.fixture, self._options))),
            "method": cell.method.name,
            "source": self._source(cell.method),
            "seed": cell.seed,
            "samples": self._options.samples if isinstance(cell.fixture, SubjectFixture) else 0,
            "fixture": self.fixture(cell.fixture),
            "others": self._others(cell),
            **_instructions(cell),
        }

    def _others(self, cell: Cell) -> list[list[str]]:
        """The content of the other concepts whose prompts an eraser's edit is made to act on."""
        if not self._options.cross or cell.kind != "eraser" or not isinstance(cell.fixture, SubjectFixture):
            return []
        found = others_of(cell.fixture, self._options)
        return [[one.concept.content_hash, one.behavior.content_hash, one.slot] for one in found if one.behavior]

    def _source(self, method: MethodSpec) -> str:
        # A run has one method of a name, and its source is read once: an edit during the run changes nothing.
        if method.name not in self._sources:
            self._sources[method.name] = method.source_hash
        return self._sources[method.name]

    def fixture(self, fixture: Fixture) -> str:
        """Hash of a fixture's content, the subject's weights and how they are run included."""
        if fixture.id not in self._hashes:
            self._hashes[fixture.id] = key_of(self._content(fixture))
        return self._hashes[fixture.id]

    def _content(self, fixture: Fixture) -> Mapping[str, object]:
        if isinstance(fixture, EmbeddingFixture):
            sizes = dict(EMBEDDING_SIZES)
            return {"embeddings": self._subject(fixture.card.spec), "sizes": sizes, "dtype": self._options.dtype}
        if not isinstance(fixture, SubjectFixture):
            return {"planted": fixture.name, "data": fixture.data.content_hash}
        options = self._options
        return {
            "concept": fixture.concept.content_hash,
            "behavior": fixture.behavior.content_hash if fixture.behavior else None,
            "facts": fixture.facts.content_hash if fixture.facts else None,
            "corpus": fixture.corpus.content_hash,
            "floors": {name: floor for name, floor in asdict(floors_of(fixture.name)).items() if floor is not None},
            "subject": self._subject(fixture.card.spec),
            "site": fixture.site,
            "slot": fixture.slot,
            "prefix": options.prefix,
            "dtype": options.dtype,
            # 'cuda:1' gives what 'cuda:0' gives, and not bit for bit what a CPU gives.
            "device": options.device.split(":")[0],
        }

    def _subject(self, spec: str) -> str:
        if spec not in self._hashes:
            self._hashes[spec] = subject_hash(spec)
        return self._hashes[spec]

    def provenance(self, cell: Cell) -> Mapping[str, object]:
        """What is known of a cell's making before it is scored."""
        fixture = cell.fixture
        options = self._options
        located: dict[str, object] = {}
        if isinstance(fixture, SubjectFixture):
            located = {
                "subject_hash": self._subject(fixture.card.spec),
                "subject_spec": fixture.card.spec,
                "dtype": options.dtype,
                "prefix": options.prefix,
                "concept_source": fixture.concept.source,
            }
        return {
            **environment(),
            "engine_version": ENGINE_VERSION,
            "method_hash": self._source(cell.method),
            "fixture_hash": self.fixture(fixture),
            "hashed": self._hashed(cell),
            **located,
        }


def _instructions(cell: Cell) -> Mapping[str, object]:
    """The concept's instructions, which are no part of a fixture for methods that are not given them."""
    if not isinstance(cell.fixture, SubjectFixture) or not getattr(cell.method.info.cls, "needs_instructions", False):
        return {}
    return {"instructions": cell.fixture.instructions}
