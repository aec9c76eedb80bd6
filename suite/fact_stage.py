"""Facts on a subject: how likely it finds the right answer and the wrong one, before and after an edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from interpmark.fixtures import Facts
from interpmark.methods import Edit, IdentityEdit

from .runs import Prompts, log_probs

if TYPE_CHECKING:
    from interpmark.fixtures.subjects import Ragged

    from .stage import Recorder


class FactStage:
    """The facts' own prompts on a subject; they have no label, so an edit that needs one cannot act on them."""

    def __init__(self, facts: Facts, sites: Sequence[str], recorder: Recorder) -> None:
        subject = recorder.subject
        self._facts = facts
        self._sites = tuple(sites)
        self._recorder = recorder
        self._tokens = subject.encode(facts.prompts)
        self.right = torch.tensor([subject.token_id(answer) for answer in facts.right])
        """Token id of each prompt's right answer, `[n]` int64; ValueError when one is several tokens."""
        self.wrong = torch.tensor([subject.token_id(answer) for answer in facts.wrong])
        """Token id of each prompt's wrong answer, `[n]` int64."""
        numbers = {group: index for index, group in enumerate(dict.fromkeys(facts.groups))}
        self.groups = np.array([numbers[group] for group in facts.groups], dtype=np.int64)
        """Entity of each prompt, `[n]`."""

    @cached_property
    def _prompts(self) -> Prompts:
        return Prompts.ends(self._recorder.subject, self._tokens)

    @cached_property
    def _states(self) -> Mapping[str, Ragged]:
        return self._recorder.states(f"{len(self._tokens):,} facts", self._tokens, self._sites)

    @cached_property
    def reference(self) -> torch.Tensor:
        """The unedited subject's next-token log-probabilities at the prompts' ends, `[n, V]` float32."""
        site = self._sites[-1]
        return log_probs(self._recorder.subject, site, self._states[site], self._prompts)

    def log_probs(self, site: str, edit: Edit) -> torch.Tensor:
        """The edited subject's, `[n, V]` float32; the reference for the identity."""
        if isinstance(edit, IdentityEdit):
            return self.reference
        return log_probs(self._recorder.subject, site, self._states[site], self._prompts, edit)
