"""The grounds of a run: each subject loaded once, each concept captured once for all its sites."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch

from interpmark.fixtures import RowData, get_corpus, static_embeddings
from interpmark.fixtures.subjects import ActivationCache, SinkReport, Subject, find_sinks, load_subject
from interpmark.fixtures.subjects.linears import packed_weights

from .allocator import keep_large_buffers
from .cells import Cell, EmbeddingFixture, Fixture, SubjectFixture, asked_of, others_of
from .errors import InterpmarkWarning
from .ground import Ground, Split
from .options import RunOptions
from .other_concepts import OtherConcept
from .progress import Progress
from .scores import Scores
from .stage import ConceptStage, CorpusStage, Recorder, in_depth_order

# Texts that are looked at for attention sinks.
SINK_TEXTS = 16


@dataclass(frozen=True, eq=False)
class FixtureGround:
    """A fixture made ready: its ground, and the stage that the subject runs on.

    Attributes:
        ground: Activations by split.
        stage: The concept on the subject; None for planted activations.
        site: The fixture's site.
        asked: What the run asks for beside the measures that every run has.
        others: The run's other concepts, when it asks for side effects.

    """

    ground: Ground
    stage: ConceptStage | None
    site: str
    asked: frozenset[str] = frozenset()
    others: tuple[OtherConcept, ...] = ()
    ran: dict[str, Scores] = field(default_factory=dict)

    def packed_weights(self) -> AbstractContextManager[None]:
        """While this holds, the subject runs from packed weights: for passes between which no method's code runs."""
        return nullcontext() if self.stage is None else packed_weights(self.stage.subject.model)


class Grounds:
    """Makes fixtures ready, keeping only what the cells at hand need."""

    def __init__(self, options: RunOptions, cells: Sequence[Cell], progress: Progress) -> None:
        self._options = options
        self._progress = progress
        self._sites: dict[str, list[str]] = {}
        for cell in cells:
            self._sites.setdefault(cell.fixture.shard, []).append(cell.fixture.site)
        self._sites = {shard: in_depth_order(sites) for shard, sites in self._sites.items() if shard != "planted"}
        self._stage: tuple[str, ConceptStage] | None = None
        self._ready: tuple[str, FixtureGround] | None = None
        self._corpora: dict[str, CorpusStage] = {}
        self._others: tuple[str, tuple[OtherConcept, ...]] | None = None
        self._failed: BaseException | None = None

    def of(self, fixture: Fixture) -> FixtureGround:
        """The fixture's ground. Only the last one is kept: cells come ordered by fixture."""
        if self._ready is None or self._ready[0] != fixture.id:
            self._ready = None
            self._ready = (fixture.id, self._make(fixture))
        return self._ready[1]

    def _make(self, fixture: Fixture) -> FixtureGround:
        asked = asked_of(fixture, self._options)
        if isinstance(fixture, EmbeddingFixture):
            return FixtureGround(_ground_of(static_embeddings(self.subject)), None, fixture.site, asked)
        if not isinstance(fixture, SubjectFixture):
            return FixtureGround(_ground_of(fixture.data), None, fixture.site, asked)
        stage = self._stage_of(fixture)
        with packed_weights(self.subject.model):
            ground = stage.ground(fixture.site)
        return FixtureGround(ground, stage, fixture.site, asked, self._others_of(fixture))

    def _others_of(self, fixture: SubjectFixture) -> tuple[OtherConcept, ...]:
        """The run's other concepts at the fixture's sites; kept while cells of the fixture's concept come."""
        if not self._options.cross:
            return ()
        if self._others is None or self._others[0] != fixture.shard:
            self._others = None
            sites, corpus = self._sites[fixture.shard], self._corpus_of(fixture)
            stages = [
                ConceptStage(other.concept, other.behavior, other.slot, sites, corpus, self._recorder)
                for other in others_of(fixture, self._options)
            ]
            self._others = (fixture.shard, tuple(OtherConcept.of(stage) for stage in stages if stage.answers))
        return self._others[1]

    def _stage_of(self, fixture: SubjectFixture) -> ConceptStage:
        if self._stage is None or self._stage[0] != fixture.shard:
            self._stage = None
            stage = ConceptStage(
                fixture.concept,
                fixture.behavior,
                fixture.slot,
                self._sites[fixture.shard],
                self._corpus_of(fixture),
                self._recorder,
                fixture.facts,
                fixture.instructions,
            )
            self._stage = (fixture.shard, stage)
        return self._stage[1]

    def _corpus_of(self, fixture: SubjectFixture) -> CorpusStage:
        name = fixture.corpus.name
        if name not in self._corpora:
            sites = in_depth_order([site for mine in self._sites.values() for site in mine])
            self._corpora[name] = CorpusStage(fixture.corpus, sites, self._recorder)
        return self._corpora[name]

    @cached_property
    def _recorder(self) -> Recorder:
        cache = ActivationCache() if self._options.cache else None
        return Recorder(self.subject, cache, self._progress)

    @cached_property
    def subject(self) -> Subject:
        """The subject, loaded.

        Raises:
            Exception: Whatever kept it from loading; the same again at once when asked again.

        """
        if self._failed is not None:
            raise self._failed
        options = self._options
        keep_large_buffers()
        self._progress.say(f"loading {options.subject} ({options.device}, {options.dtype})")
        try:
            subject = load_subject(options.subject, device=options.device, dtype=options.dtype, prefix=options.prefix)
        except Exception as error:
            self._failed = error
            raise
        if not subject.anatomy.causal:
            warnings.warn(
                f"{subject.name} is no causal language model: a position sees later ones. Its perplexity and behavior "
                "say nothing; name the causal one, if there is one",
                InterpmarkWarning,
                stacklevel=2,
            )
        return subject

    @cached_property
    def sinks(self) -> SinkReport:
        """Content positions that are not tokens like others, at the run's sites; warns when there are any."""
        with packed_weights(self.subject.model):
            found = find_sinks(self.subject, get_corpus("neutral").documents[:SINK_TEXTS])
        blocks = {last_block_before(site) for sites in self._sites.values() for site in sites}
        report = replace(found, sinks=tuple(sink for sink in found.sinks if blocks & set(sink.blocks)))
        if report.found:
            warnings.warn(report.message, InterpmarkWarning, stacklevel=2)
        return report

    def provenance(self, fixture: Fixture) -> Mapping[str, object]:
        """How the subject was run; empty for activations without one."""
        if not isinstance(fixture, SubjectFixture):
            return {}
        subject = self.subject
        return {
            "attention": subject.attention,
            "device": _device_name(subject.device),
            "threads": torch.get_num_threads(),
            "prefix_id": subject.prefix_id,
            "sinks": self.sinks.message,
        }


def last_block_before(site: str) -> int:
    """The block whose output a site is: 15 for `resid_post.15` and for `resid_pre.16`."""
    stream, _, block = site.partition(".")
    return int(block) - (stream == "resid_pre")


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def _ground_of(data: RowData) -> Ground:
    splits = {
        split: Split(torch.tensor(x), torch.tensor(z), np.asarray(groups, dtype=np.int64))
        for split, (x, z, groups) in data.splits.items()
    }
    return Ground(fit=splits["fit"], probe=splits["probe"], test=splits["test"], transfer=splits.get("transfer"))
