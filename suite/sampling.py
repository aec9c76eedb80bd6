"""Samples of what a subject goes on with: drawn for `interpmark generate`, and kept in scorecards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from interpmark.fixtures import Concept
from interpmark.fixtures.subjects import Ragged, Subject
from interpmark.fixtures.subjects.generate import Completions, SiteEdit, check_drawing, generate
from interpmark.methods import Edit, PromptPrefix

from .prompted import led
from .running import running_form


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

    def __post_init__(self) -> None:
        check_drawing(self.n, self.max_new_tokens, self.temperature)  # now, not after the fits


KEPT = Sampling(n=1, max_new_tokens=8)
"""How the samples of a scorecard are drawn: short ones, because every cell has one."""


Edits = Mapping[str, Edit]


def by_site(edit: Edit | Edits, site: str) -> Edits:
    """Edits by their sites: an edit alone acts at the fixture's."""
    return {site: edit} if isinstance(edit, Edit) else edit


def complete(
    subject: Subject,
    tokens: Sequence[Sequence[int]],
    edits: Edits,
    sampling: Sampling,
    drafts: Completions | None = None,
    start: tuple[str, Ragged] | None = None,
) -> Completions:
    """Completions of each prompt, as token ids, with edits by their sites; without any the subject's own.

    Drafts save passes where they are right, and blocks where these begin at a site.
    """
    for edit in edits.values():
        if isinstance(edit, PromptPrefix):
            tokens = led(subject, tokens, edit)
    running = {site: running_form(edit, subject.dtype) for site, edit in edits.items()}
    return generate(
        subject,
        tokens,
        {site: SiteEdit(edit.at_places, edit.scope) for site, edit in running.items()},
        n=sampling.n,
        max_new_tokens=sampling.max_new_tokens,
        temperature=sampling.temperature,
        seed=sampling.seed,
        drafts=drafts,
        start=start,
    )


def decoded(subject: Subject, completions: Completions) -> list[list[str]]:
    """Completions as text."""
    return [
        [str(subject.tokenizer.decode(one, skip_special_tokens=True)) for one in several] for several in completions
    ]


def few(concept: Concept, n: int) -> list[int]:
    """Places in the `test` split of its first n prompts, the classes in turn; ascending."""
    labels = concept.labels[concept.rows("test")]
    if not concept.classes:
        return list(range(min(n, len(labels))))
    members = [(labels == k).nonzero()[0].tolist() for k in range(len(concept.classes))]
    in_turn = [own[i] for i in range(max(map(len, members))) for own in members if i < len(own)]
    return sorted(in_turn[:n])
