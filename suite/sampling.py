"""Samples of what a subject goes on with: drawn for `interpmark generate`, and kept in scorecards when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from interpmark.fixtures import Concept
from interpmark.fixtures.subjects import Subject
from interpmark.fixtures.subjects.generate import Completions, SiteEdit, can_edit, generate
from interpmark.methods import Edit, SiteEdits
from interpmark.reports.scorecard import Sample

from .running import running_form
from .stage import ConceptStage


@dataclass(frozen=True)
class Sampling:
    """How completions are drawn.

    Attributes:
        n: Completions of each prompt.
        max_new_tokens: The most tokens that one has.
        temperature: Divides the logits; 0 takes the likeliest token.
        seed: Of the draws.

    """

    n: int = 3
    max_new_tokens: int = 40
    temperature: float = 1.0
    seed: int = 0


KEPT = Sampling(n=1, max_new_tokens=24)
"""How the samples of a scorecard are drawn: short ones."""


def complete(
    subject: Subject, tokens: Sequence[Sequence[int]], edit: Edit | SiteEdits | None, site: str, sampling: Sampling
) -> Completions:
    """Completions of each prompt, as token ids; without an edit the subject's own.

    Raises:
        SiteError: One of several edits is at a site where none can act while text is generated.

    """
    given = {} if edit is None else edit if isinstance(edit, SiteEdits) else {site: edit}
    running = {place: running_form(one, subject.dtype) for place, one in given.items()}
    edits = {place: SiteEdit(one.at_places, one.scope) for place, one in running.items()}
    return generate(
        subject,
        tokens,
        edits,
        n=sampling.n,
        max_new_tokens=sampling.max_new_tokens,
        temperature=sampling.temperature,
        seed=sampling.seed,
    )


def decoded(subject: Subject, completions: Completions) -> list[list[str]]:
    """Completions as text."""
    return [
        [str(subject.tokenizer.decode(one, skip_special_tokens=True)) for one in several] for several in completions
    ]


def samples(stage: ConceptStage, edit: Edit | SiteEdits, site: str, n: int) -> tuple[Sample, ...]:
    """What the subject goes on with, unedited and edited, after n prompts of the `test` split; none for n = 0.

    An edit that sees labels has none: a text that is generated has no label. Nor have edits at norm outputs, where no
    edit acts while text is generated.
    """
    if n == 0 or edit.needs_labels or (isinstance(edit, SiteEdits) and not all(map(can_edit, edit))):
        return ()
    concept, subject = stage.concept, stage.subject
    prompts = tuple(concept.texts[concept.rows("test")[place]] for place in few(concept, n))
    after = decoded(subject, complete(subject, subject.encode(prompts), edit, site, KEPT))
    pairs = zip(prompts, _unedited(subject, prompts), after, strict=True)
    return tuple(Sample(prompt, before, edited) for prompt, before, (edited,) in pairs)


@lru_cache(maxsize=4)
def _unedited(subject: Subject, prompts: tuple[str, ...]) -> tuple[str, ...]:
    """The same for every method on a concept."""
    return tuple(text for (text,) in decoded(subject, complete(subject, subject.encode(prompts), None, "", KEPT)))


def few(concept: Concept, n: int) -> list[int]:
    """Places in the `test` split of its first n prompts, the classes in turn; ascending."""
    labels = concept.labels[concept.rows("test")]
    if not concept.classes:
        return list(range(min(n, len(labels))))
    members = [(labels == k).nonzero()[0].tolist() for k in range(len(concept.classes))]
    in_turn = [own[i] for i in range(max(map(len, members))) for own in members if i < len(own)]
    return sorted(in_turn[:n])
