"""The run's other concepts: what erasing one does to the behavior of the others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from interpmark.methods import Edit, IdentityEdit, SiteEdits

from .measures import Answered, class_offsets
from .measures.behavior import own_log_odds
from .parts import PromptPart
from .stage import ConceptStage


@dataclass(frozen=True, eq=False)
class OtherConcept:
    """The `test` prompts of a concept that the edit at hand was not fitted on.

    Attributes:
        name: The concept's.
        part: The prompts.
        templates: Their templates, as numbers, `[n]`.
        answers: Token ids of each class's answers.
        centred: Whether answers count relative to what the unedited subject gives them on average.

    """

    name: str
    part: PromptPart
    templates: npt.NDArray[np.int64]
    answers: tuple[torch.Tensor, ...]
    centred: bool

    @classmethod
    def of(cls, stage: ConceptStage) -> OtherConcept:
        """The concept of a stage that has answers."""
        part = stage.part(stage.concept.rows("test"))
        templates = stage.scored_templates[stage.scored_split("test")]
        return cls(stage.concept.name, part, templates, tuple(stage.answers or ()), stage.centred)

    def scored(self, edit: Edit | SiteEdits, site: str) -> Answered:
        """The answers with an edit in place, one that sees no labels."""
        before = self._unedited
        after = before if isinstance(edit, IdentityEdit) else self._log_odds(self.part.log_probs(site, edit))
        return Answered(self.name, before, after, self.part.groups)

    @cached_property
    def _unedited(self) -> npt.NDArray[np.float64]:
        return self._log_odds(self._reference)

    @cached_property
    def _reference(self) -> torch.Tensor:
        return self.part.log_probs(list(self.part.states)[-1])

    @cached_property
    def _offsets(self) -> torch.Tensor | None:
        if not self.centred:
            return None
        return class_offsets(self._reference, self.answers, self.part.labels, self.templates)

    def _log_odds(self, log_probs: torch.Tensor) -> npt.NDArray[np.float64]:
        return own_log_odds(log_probs, self.answers, self.part.labels, self._offsets)
