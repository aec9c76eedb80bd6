"""The bench: what a method is fitted on that needs more than activations and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .answers_from import AnswersFrom
from .ground import Split
from .pairs import opposite_pairs
from .stage import ConceptStage
from .walk import Walk

if TYPE_CHECKING:
    import torch

    from interpmark.fixtures.subjects import Subject


@dataclass(frozen=True, eq=False)
class Bench:
    """The `fit` split of a concept on a subject, and the subject itself. Nothing of the other splits is in reach.

    Attributes:
        site: Where the edit will act.
        split: Activations at the site `[n, d]` float64, labels and entities.
        texts: The prompts, one a row.
        templates: The template of each prompt; "" where it has none.
        answers: Token ids of each class's answers, one int64 tensor a class; None where the concept has no behavior.
        instructions: An instruction towards each class; none where the concept has none.
        subject: The language model. Change nothing in it.

    """

    site: str
    split: Split
    texts: tuple[str, ...]
    templates: tuple[str, ...]
    answers: tuple[torch.Tensor, ...] | None
    instructions: tuple[str, ...]
    subject: Subject
    _stage: ConceptStage = field(repr=False)

    @classmethod
    def of(cls, stage: ConceptStage, split: Split, site: str) -> Bench:
        """The bench of a concept at a site."""
        concept = stage.concept
        texts = tuple(concept.texts[row] for row in concept.rows("fit"))
        answers = None if stage.answers is None else tuple(stage.answers)
        templates = tuple(concept.templates[row] for row in concept.rows("fit"))
        return cls(site, split, texts, templates, answers, stage.instructions, stage.subject, stage)

    def pairs(self, rows: torch.Tensor, seed: int) -> torch.Tensor:
        """Pairs of rows `[m, 2]`: prompts of one template with entities of different classes, drawn among `rows`.

        Each row comes first in one pair, with a partner drawn at random.

        Raises:
            FitError: Labels are continuous, or no template has two classes.

        """
        return opposite_pairs(rows, self.split.z, self.templates, seed)

    def continuation(self, rows: torch.Tensor) -> AnswersFrom:
        """Run the prompts `rows` on from other activations at the site and slot: answers, with gradients.

        Raises:
            FitError: The concept has no answers on this subject.

        """
        return self._stage.answers_from(self.site, rows)

    def walk(self) -> Walk:
        """The prompts on their way through the subject, to be edited site after site, each fitted on what arrives."""
        return self._stage.walk()

    def states(self, tokens: Sequence[Sequence[int]]) -> tuple[torch.Tensor, ...]:
        """The stream at the bench's site of texts of one's own, `[T, d]` float64 each, the prefix left out.

        Args:
            tokens: Token ids of each text, as `subject.encode` gives them, the prefix first.

        """
        return self._stage.states_of(tokens, self.site)

    def activations(self, site: str) -> torch.Tensor:
        """The slot activations of the prompts at any site, `[n, d]` float64.

        Raises:
            SiteError: The subject has no such site.

        """
        return self._stage.fit_activations(site)
