"""The texts that a scorecard keeps: what the subject goes on with, unedited and edited, and how that reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from interpmark.fixtures.subjects import Subject
from interpmark.methods import IdentityEdit
from interpmark.reports.measures import MEASURES
from interpmark.reports.scorecard import Sample

from .fluency import nll
from .measures.fluency import Text, generated_text
from .options import FLUENCY_SAMPLES
from .running import content, running_form
from .sampling import KEPT, Edits, complete, decoded, few
from .scores import Scores
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
    drafts = None if edited == UNEDITED else [[list(one)] for one in _completed(subject, prompts, UNEDITED)]
    found = complete(subject, subject.encode(prompts), edited.edits, KEPT, drafts)
    return tuple(tuple(one) for (one,) in found)


def _read(subject: Subject, tokens: Sequence[Sequence[int]], found: Sequence[Completion]) -> list[Text]:
    """Completions with their likelihood under the unedited subject."""
    written = [i for i, one in enumerate(found) if one]  # the subject may end at once
    surprise = dict(zip(written, nll(subject, [(tokens[i], found[i]) for i in written]), strict=True))
    return [Text(one, surprise.get(i, 0.0)) for i, one in enumerate(found)]
