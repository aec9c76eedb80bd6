"""The texts that a scorecard keeps: what the subject goes on with, unedited and edited, and how that reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from interpmark.fixtures.subjects import Ragged, Subject, capture
from interpmark.fixtures.subjects.passes import can_begin_at
from interpmark.methods import IdentityEdit, PromptPrefix
from interpmark.reports.measures import MEASURES
from interpmark.reports.scorecard import Sample

from .fluency import nll
from .measures.fluency import Text, generated_text
from .options import FLUENCY_SAMPLES
from .running import content, running_form
from .sampling import KEPT, Edits, complete, decoded, few
from .scores import Scores
from .site_runs import in_order
from .stage import ConceptStage

Completion = tuple[int, ...]

GENERATED = tuple(name for name, measure in MEASURES.items() if measure.asked == "samples")


def add_samples(scores: Scores, stage: ConceptStage, edits: Edits, n: int, seed: int) -> None:
    """Keep completions of n prompts of the `test` split, and of several score how they read; nothing for n = 0.

    An edit that sees labels has none: a text that is generated has no label.
    """
    if n == 0:
        return
    if any(edit.needs_labels for edit in edits.values()):
        if n >= FLUENCY_SAMPLES:
            scores.leave_out(GENERATED, "the edit sees labels, and a text that is generated has none")
        return
    concept, subject = stage.concept, stage.subject
    prompts = tuple(concept.texts[concept.rows("test")[place]] for place in few(concept, n))
    before, after = _completed(subject, prompts, UNEDITED), _completed(subject, prompts, _Edited.by(edits, subject))
    shown = [[text for (text,) in decoded(subject, [[list(one)] for one in texts])] for texts in (before, after)]
    scores.samples = tuple(Sample(*row) for row in zip(prompts, *shown, strict=True))
    if n >= FLUENCY_SAMPLES:
        tokens = subject.encode(prompts)
        scores.add(generated_text(_read(subject, tokens, before), _read(subject, tokens, after), seed))


@dataclass(frozen=True)
class _Edited:
    """Edits in the form in which they run; equal where they are the same maps at the same sites."""

    content: tuple[tuple[str, str], ...]
    edits: Edits = field(compare=False)

    @classmethod
    def by(cls, edits: Edits, subject: Subject) -> _Edited:
        running = {site: running_form(edit, subject.dtype) for site, edit in edits.items()}
        running = {site: edit for site, edit in running.items() if not isinstance(edit, IdentityEdit)}
        return cls(tuple((site, content(edit)) for site, edit in running.items()), running)


UNEDITED = _Edited((), {})


@lru_cache(maxsize=64)
def _completed(subject: Subject, prompts: tuple[str, ...], edited: _Edited) -> tuple[Completion, ...]:
    """The same for every method that makes the same edit; what the subject says unedited is the draft of the others."""
    tokens, drafts, start = subject.encode(prompts), None, None
    if edited != UNEDITED:
        drafts = [[list(one)] for one in _completed(subject, prompts, UNEDITED)]
        start = _start(subject, prompts, edited.edits)
    found = complete(subject, tokens, edited.edits, KEPT, drafts, start)
    return tuple(tuple(one) for (one,) in found)


def _start(subject: Subject, prompts: tuple[str, ...], edits: Edits) -> tuple[str, Ragged] | None:
    """The first edited site, with the stream that arrives there; None where the edited pass has other tokens."""
    site = in_order(subject, edits)[0]
    prefixed = any(isinstance(edit, PromptPrefix) for edit in edits.values())
    return None if prefixed or not can_begin_at(site) else (site, _drafted(subject, prompts, site))


@lru_cache(maxsize=8)
def _drafted(subject: Subject, prompts: tuple[str, ...], site: str) -> Ragged:
    """The stream of the prompts and what the subject says unedited, where the first edit is: the same for all edits."""
    said = _completed(subject, prompts, UNEDITED)
    texts = [[*ids, *one] for ids, one in zip(subject.encode(prompts), said, strict=True)]
    return capture(subject, texts, [site])[site]


def _read(subject: Subject, tokens: Sequence[Sequence[int]], found: Sequence[Completion]) -> list[Text]:
    """Completions with their likelihood under the unedited subject."""
    written = [i for i, one in enumerate(found) if one]  # the subject may end at once
    surprise = dict(zip(written, nll(subject, [(tokens[i], found[i]) for i in written]), strict=True))
    return [Text(one, surprise.get(i, 0.0)) for i, one in enumerate(found)]
