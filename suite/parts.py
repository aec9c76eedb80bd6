"""Parts of a concept's prompts and of a corpus, each ready to be run on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from interpmark.fixtures.subjects import Ragged, Subject
from interpmark.methods import Edit, PromptPrefix, SiteEdits

from .prompted import prompted_corpus, prompted_log_probs
from .runs import CorpusRun, Prompts, log_probs, run_corpus


@dataclass(frozen=True, eq=False)
class PromptPart:
    """Some of a concept's prompts.

    Attributes:
        subject: The subject.
        states: Their stream at every site of the run.
        tokens: Their token ids.
        labels: Their labels, `[n]` or `[n, k]`.
        groups: Their entities, `[n]`.

    """

    subject: Subject
    states: Mapping[str, Ragged]
    tokens: Sequence[Sequence[int]]
    labels: torch.Tensor
    groups: npt.NDArray[np.int64]

    @cached_property
    def prompts(self) -> Prompts:
        """The prompts, of which the last position is wanted."""
        return Prompts.ends(self.subject, self.tokens)

    def log_probs(self, site: str, edit: Edit | SiteEdits | None = None) -> torch.Tensor:
        """Next-token log-probabilities, `[n, V]` float32."""
        if isinstance(edit, PromptPrefix):
            return prompted_log_probs(self.subject, self.tokens, edit)
        return log_probs(self.subject, site, self.states[site], self.prompts, edit, self.labels)


@dataclass(frozen=True, eq=False)
class CorpusPart:
    """Some of a corpus' documents.

    Attributes:
        subject: The subject.
        states: The stream of the whole corpus at every site of the run.
        tokens: Token ids of these documents.
        documents: Which documents these are.

    """

    subject: Subject
    states: Mapping[str, Ragged]
    tokens: Sequence[Sequence[int]]
    documents: tuple[int, ...]

    @cached_property
    def prompts(self) -> Prompts:
        """The documents, every token of which is scored."""
        return Prompts.whole(self.subject, self.tokens)

    def run(self, site: str, edit: Edit | SiteEdits | None = None) -> CorpusRun:
        """The subject's scores of these documents."""
        if isinstance(edit, PromptPrefix):
            return prompted_corpus(self.subject, self.tokens, edit)
        return run_corpus(self.subject, site, self._own(site), self.prompts, edit)

    def _own(self, site: str) -> Ragged:
        whole = self.states[site]
        texts = [whole.text(document) for document in self.documents]
        offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])])
        return Ragged(np.concatenate(texts), offsets)
