"""A concept on a subject: what is captured once, for all sites, methods and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from interpmark.fixtures import Behavior, Concept, Corpus, Facts
from interpmark.fixtures.subjects import (
    ActivationCache,
    Changes,
    Continuation,
    Ragged,
    Subject,
    capture,
    capture_changed,
)
from interpmark.methods import Edit, FitError, IdentityEdit, PromptPrefix, SiteEdits

from .answers_from import AnswersFrom
from .arrivals import Arrivals
from .errors import UsageError
from .fact_stage import FactStage
from .ground import Ground, Split
from .parts import CorpusPart, PromptPart
from .progress import Progress, SilentProgress
from .prompted import prompted_log_probs
from .runs import BATCH_TOKENS, CorpusRun, Prompts, inputs, log_probs, run_corpus
from .site_runs import in_order, latest_start, same_for_beginnings, site_changes
from .site_sizes import Floats, SquaredSizes
from .walk import Walk


@dataclass(frozen=True)
class Recorder:
    """Captures texts on a subject, through the activation cache."""

    subject: Subject
    cache: ActivationCache | None
    progress: Progress

    def states(
        self,
        what: str,
        tokens: Sequence[Sequence[int]],
        sites: Sequence[str],
        positions: Sequence[int] | None = None,
        share_leads: bool = True,
    ) -> Mapping[str, Ragged]:
        """The stream of every text at every site, from one forward pass; with `positions`, one row of each text."""
        with self.progress.track(f"capturing {what} at {', '.join(sites)}") as step:
            return capture(
                self.subject,
                tokens,
                sites,
                positions=None if positions is None else list(positions),
                cache=self.cache,
                on_progress=step,
                max_tokens=BATCH_TOKENS,
                share_leads=share_leads,
            )

    def changed(
        self,
        what: str,
        tokens: Sequence[Sequence[int]],
        sites: Sequence[str],
        changes: Changes,
        positions: Sequence[int] | None = None,
        share_leads: bool = True,
        start: tuple[str, Ragged] | None = None,
    ) -> Mapping[str, Ragged]:
        """The stream as it arrives at the sites while changes are made to it; never cached.

        A pass begins at `start`, a site with the stream of every text as it arrives there, or else at the tokens.
        """
        with self.progress.track(f"running {what} with edits at {len(changes)} sites") as step:
            return capture_changed(
                self.subject,
                tokens,
                sites,
                changes,
                positions=None if positions is None else list(positions),
                on_progress=step,
                start=start,
                max_tokens=BATCH_TOKENS,
                share_leads=share_leads,
            )


class CorpusStage:
    """The neutral corpus on a subject, shared by all concepts."""

    def __init__(self, corpus: Corpus, sites: Sequence[str], recorder: Recorder) -> None:
        self.corpus = corpus
        self._recorder = recorder
        self._tokens = recorder.subject.encode(corpus.documents)
        self.prompts = Prompts.whole(recorder.subject, self._tokens)
        self._sites = tuple(sites)

    @cached_property
    def states(self) -> Mapping[str, Ragged]:
        """The stream of every document but for its last token, at every site."""
        what = f"the {self.corpus.name} corpus"
        return self._recorder.states(what, inputs(self._tokens), self._sites, share_leads=False)

    @cached_property
    def reference(self) -> CorpusRun:
        """The unedited subject's scores; resumed from the last site, where the pass is shortest."""
        site = self._sites[-1]
        return run_corpus(self._recorder.subject, site, self.states[site], self.prompts)

    def run(self, site: str, edit: Edit | SiteEdits) -> CorpusRun:
        """The edited subject's scores; without an edit the subject is the reference, to the bit."""
        if isinstance(edit, IdentityEdit):
            return self.reference
        if isinstance(edit, SiteEdits):
            site = latest_start(self._recorder.subject, edit, self._sites) or site
        return run_corpus(self._recorder.subject, site, self.states[site], self.prompts, edit)

    def part(self, documents: Sequence[int]) -> CorpusPart:
        """Some of the documents."""
        states = {site: self.states[site] for site in self._sites}
        return CorpusPart(self._recorder.subject, states, [self._tokens[i] for i in documents], tuple(documents))

    def squared_sizes(self, edits: SiteEdits) -> Mapping[str, tuple[Floats, Floats]]:
        """By site, for each document: squared sizes of the edit there, and deviations of what arrives, over content."""
        sizes = SquaredSizes(len(self._tokens))
        last = in_order(self._recorder.subject, edits)[-1]
        changes = sizes.listening(site_changes(edits, documents=True))
        what = f"the {self.corpus.name} corpus"
        states = self._recorder.changed(what, inputs(self._tokens), [last], changes, share_leads=False)
        # The pass ends with what arrives at the last site; its own edit is made here.
        x, documents = self._content(states[last])
        sizes.add(last, torch.as_tensor(documents), x, edits[last](x))
        return sizes.by_text()

    def rows(self, site: str) -> tuple[torch.Tensor, npt.NDArray[np.int64]]:
        """Every content position's activation, `[m, d]` float64, and its document, `[m]`."""
        return self._content(self.states[site])

    def _content(self, states: Ragged) -> tuple[torch.Tensor, npt.NDArray[np.int64]]:
        lengths = np.diff(states.offsets)
        groups = np.repeat(np.arange(len(lengths)), lengths)
        content = np.ones(len(groups), dtype=bool)
        if self._recorder.subject.prefix_id is not None:
            content[states.offsets[:-1]] = False
        return torch.from_numpy(np.asarray(states.x, dtype=np.float64)[content]), groups[content]


class ConceptStage:
    """A concept's prompts on a subject: ground at each site, and the subject's behavior on the scored prompts."""

    def __init__(
        self,
        concept: Concept,
        behavior: Behavior | None,
        slot: str,
        sites: Sequence[str],
        corpus: CorpusStage,
        recorder: Recorder,
        facts: Facts | None = None,
        instructions: tuple[str, ...] = (),
    ) -> None:
        concept = in_chat(concept, recorder.subject)
        self.concept = concept
        self.instructions = instructions
        self.corpus = corpus
        self._recorder = recorder
        self._sites = tuple(sites)
        subject = recorder.subject
        tokens = subject.encode(concept.texts)
        slots = subject.slot_positions(concept.texts, slot, concept.spans)
        self._trained = np.concatenate([concept.rows("fit"), concept.rows("probe")])
        self._scored = np.concatenate([concept.rows("test"), concept.rows("transfer")])
        self._trained_tokens = [tokens[i] for i in self._trained]
        self._trained_slots = [slots[i] for i in self._trained]
        self._scored_tokens = [tokens[i] for i in self._scored]
        self._scored_slots = [slots[i] for i in self._scored]
        self.prompts = Prompts.ends(subject, self._scored_tokens)
        self.answers, self.no_behavior = self._answers(behavior)
        self.facts = FactStage(facts, sites, recorder) if facts is not None else None
        self.centred = behavior is not None and behavior.centred
        names = {group: index for index, group in enumerate(dict.fromkeys(concept.groups))}
        self._groups = np.array([names[group] for group in concept.groups])

    def _answers(self, behavior: Behavior | None) -> tuple[list[torch.Tensor] | None, str]:
        if behavior is None:
            return None, f"the concept {self.concept.name} has no behavior"
        if self.concept.n_classes is None:
            return None, "answers belong to classes and the labels are continuous"
        try:
            ids = [[self._recorder.subject.token_id(word) for word in words] for words in behavior.answers]
        except ValueError as error:
            return None, str(error)
        return [torch.tensor(one) for one in ids], ""

    @cached_property
    def _trained_states(self) -> Mapping[str, Ragged]:
        what = f"{len(self._trained):,} prompts of {self.concept.name} to fit and probe on"
        return self._recorder.states(what, self._trained_tokens, self._sites, self._trained_slots)

    @cached_property
    def _scored_states(self) -> Mapping[str, Ragged]:
        what = f"{len(self._scored):,} prompts of {self.concept.name} to score"
        return self._recorder.states(what, self._scored_tokens, self._sites)

    @cached_property
    def _scored_slot_states(self) -> Mapping[str, Ragged]:
        what = f"{len(self._scored):,} prompts of {self.concept.name} to score"
        return self._recorder.states(what, self._scored_tokens, self._sites, self._scored_slots)

    def _scored_at_slots(self, site: str) -> npt.NDArray[np.floating[Any]]:
        """`[n, d]`: out of the whole streams where the subject is run on from them, to answer, or else alone."""
        if self.answers is None:
            return self._scored_slot_states[site].x
        return self._scored_states[site].at(self._scored_slots)

    def part(self, rows: npt.NDArray[np.int64]) -> PromptPart:
        """Some of the concept's prompts, with all their positions, to run the subject on."""
        tokens = self.subject.encode([self.concept.texts[row] for row in rows])
        states = self._recorder.states(f"{len(rows):,} prompts of {self.concept.name} to run", tokens, self._sites)
        return PromptPart(self.subject, states, tokens, torch.as_tensor(self.concept.labels[rows]), self._groups[rows])

    def ground(self, site: str) -> Ground:
        """The slot activations at a site, by split, with the neutral corpus' rows."""
        trained = self._trained_states[site]
        x = np.empty((len(self.concept.texts), trained.x.shape[1]))
        x[self._trained] = trained.x
        x[self._scored] = self._scored_at_slots(site)
        neutral, documents = self.corpus.rows(site)
        has_transfer = len(self.concept.rows("transfer")) > 0
        return Ground(
            fit=self._split(x, "fit"),
            probe=self._split(x, "probe"),
            test=self._split(x, "test"),
            transfer=self._split(x, "transfer") if has_transfer else None,
            neutral=neutral,
            neutral_groups=documents,
        )

    def fit_activations(self, site: str) -> torch.Tensor:
        """The `fit` split's slot activations at any site, `[n, d]` float64; captured when the run has not done so."""
        trained = self._trained_states.get(site)
        if trained is None:
            what = f"{len(self._trained):,} prompts of {self.concept.name} to fit on"
            trained = self._recorder.states(what, self._trained_tokens, [site], self._trained_slots)[site]
        return torch.from_numpy(np.asarray(trained.x[: len(self.concept.rows("fit"))], dtype=np.float64))

    def states_of(self, tokens: Sequence[Sequence[int]], site: str) -> tuple[torch.Tensor, ...]:
        """The stream of any texts at a site, without the prefix, `[T, d]` float64 each."""
        states = self._recorder.states(f"{len(tokens)} texts", tokens, [site])[site]
        whole = [torch.from_numpy(np.asarray(states.text(i), dtype=np.float64)) for i in range(len(tokens))]
        return tuple(rows[self.subject.n_prefix :] for rows in whole)

    def arrivals(self, edits: SiteEdits, sites: Sequence[str]) -> Arrivals:
        """The slot activations at the sites while the edits are in place, of every split.

        Edits that change equal beginnings differently, as those that see labels do, run without shared leads.
        """
        parts = (
            (self._trained, self._trained_tokens, self._trained_slots, ("fit", "probe")),
            (self._scored, self._scored_tokens, self._scored_slots, ("test", "transfer")),
        )
        ordered = in_order(self.subject, sites)
        found: dict[str, dict[str, npt.NDArray[np.floating[Any]]]] = {site: {} for site in ordered}
        shared = same_for_beginnings(edits.values())
        for texts, tokens, slots, names in parts:
            changes = site_changes(edits, torch.as_tensor(self.concept.labels[texts]))
            what = f"{len(texts):,} prompts of {self.concept.name}"
            states = self._recorder.changed(what, tokens, ordered, changes, slots, share_leads=shared)
            boundary = len(self.concept.rows(names[0]))
            for site in ordered:
                found[site] |= {names[0]: states[site].x[:boundary], names[1]: states[site].x[boundary:]}
        unedited = {
            name: Split(torch.empty(0), torch.as_tensor(self.concept.labels[rows]), self._groups[rows])
            for name in ("fit", "probe", "test", "transfer")
            if len(rows := self.concept.rows(name))
        }
        return Arrivals(edits, found, unedited)

    def answers_from(self, site: str, rows: torch.Tensor) -> AnswersFrom:
        """The `fit` prompts `rows`, to be run on from other activations at a site and the slot."""
        if self.answers is None:
            raise FitError(f"the subject's answers are asked for, but {self.no_behavior}")
        tokens = [self._trained_tokens[row] for row in rows.tolist()]
        slots = [self._trained_slots[row] for row in rows.tolist()]
        states = capture(self.subject, tokens, [site], max_tokens=BATCH_TOKENS)[site]
        return AnswersFrom(Continuation(self.subject, site, tokens, states, slots), rows, self.answers)

    def continuation(self, site: str, places: Sequence[int]) -> Continuation:
        """Some of the scored prompts, to be run on from other activations at a site and the slot."""
        tokens = [self._scored_tokens[place] for place in places]
        slots = [self._scored_slots[place] for place in places]
        return Continuation(self.subject, site, tokens, self._scored_states[site].part(places), slots)

    def walk(self) -> Walk:
        """The `fit` prompts at the first site, to be edited site after site."""
        fit = slice(len(self.concept.rows("fit")))
        labels = torch.as_tensor(self.concept.labels[self._trained[fit]])
        silent = replace(self._recorder, progress=SilentProgress())  # many short steps
        return Walk(silent, self._trained_tokens[fit], self._trained_slots[fit], labels)

    def _split(self, x: npt.NDArray[np.float64], name: str) -> Split:
        rows = self.concept.rows(name)
        return Split(torch.from_numpy(x[rows]), torch.as_tensor(self.concept.labels[rows]), self._groups[rows])

    def scored_split(self, name: str) -> slice:
        """The rows of the scored prompts that belong to `test` or `transfer`."""
        boundary = len(self.concept.rows("test"))
        return slice(0, boundary) if name == "test" else slice(boundary, len(self._scored))

    @property
    def subject(self) -> Subject:
        """The subject that the concept stands on."""
        return self._recorder.subject

    @property
    def scored_labels(self) -> torch.Tensor:
        """The label of every scored prompt."""
        return torch.as_tensor(self.concept.labels[self._scored])

    @property
    def scored_groups(self) -> npt.NDArray[np.int64]:
        """The entity of every scored prompt."""
        groups: npt.NDArray[np.int64] = self._groups[self._scored]
        return groups

    @property
    def scored_templates(self) -> npt.NDArray[np.int64]:
        """The template of every scored prompt, as a number."""
        numbers = {template: index for index, template in enumerate(dict.fromkeys(self.concept.templates))}
        return np.array([numbers[self.concept.templates[i]] for i in self._scored], dtype=np.int64)

    @cached_property
    def reference(self) -> torch.Tensor:
        """The unedited subject's next-token log-probabilities at the scored prompts' ends, `[n, V]` float32."""
        site = self._sites[-1]
        return log_probs(self._recorder.subject, site, self._scored_states[site], self.prompts)

    def log_probs(self, site: str, edit: Edit | SiteEdits) -> torch.Tensor:
        """The edited subject's next-token log-probabilities, `[n, V]` float32; the reference for the identity."""
        if isinstance(edit, IdentityEdit):
            return self.reference
        if isinstance(edit, PromptPrefix):
            return prompted_log_probs(self.subject, self._scored_tokens, edit)
        if isinstance(edit, SiteEdits):
            site = latest_start(self.subject, edit, self._sites) or site
        return log_probs(
            self._recorder.subject, site, self._scored_states[site], self.prompts, edit, self.scored_labels
        )


def in_chat(concept: Concept, subject: Subject) -> Concept:
    """The concept as the subject is given it: what a user says in the subject's chat template, where it has one."""
    if not concept.chat or not subject.chats:
        return concept
    turns = subject.turns(concept.texts)
    starts = [turn.index(text) for turn, text in zip(turns, concept.texts, strict=True)]
    spans = concept.spans and tuple((start + a, start + b) for start, (a, b) in zip(starts, concept.spans, strict=True))
    return replace(concept, texts=tuple(turns), spans=spans)


def in_depth_order(sites: Sequence[str]) -> list[str]:
    """Sites from the first block to the last.

    Raises:
        UsageError: A site is not of the form `stream.block`.

    """

    def depth(site: str) -> tuple[int, str]:
        stream, _, block = site.rpartition(".")
        if not block.isdigit():
            raise UsageError(f"site {site!r} is not of the form stream.block, such as resid_post.15")
        return int(block), stream

    # Within a block the stream before it comes first: 'resid_post' < 'resid_pre', hence the reversed name.
    return sorted(dict.fromkeys(sites), key=lambda site: (depth(site)[0], depth(site)[1] == "resid_post"))
