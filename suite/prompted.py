"""Running the subject on prompts and documents that begin with an instruction.

The instruction's tokens stand between the prefix and the text's own, which stay the same tokens. What is predicted is
the text alone: the instruction costs nothing for being unlikely itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from interpmark.fixtures.subjects import Subject
from interpmark.methods import PromptPrefix

from .runs import CorpusRun, Prompts, gather_log_probs, run_whole, score_documents


def led(subject: Subject, tokens: Sequence[Sequence[int]], edit: PromptPrefix) -> list[list[int]]:
    """Token ids of each text with the instruction's after the prefix."""
    n, lead = subject.n_prefix, instruction(subject, edit)
    return [[*ids[:n], *lead, *ids[n:]] for ids in tokens]


def instruction(subject: Subject, edit: PromptPrefix) -> list[int]:
    """Token ids of the instruction itself."""
    return subject.encode([edit.text])[0][subject.n_prefix :] if edit.text else []


def prompted_log_probs(subject: Subject, tokens: Sequence[Sequence[int]], edit: PromptPrefix) -> torch.Tensor:
    """Next-token log-probabilities at the end of each prompt, `[n, V]` float32."""
    prompts = Prompts.ends(subject, led(subject, tokens, edit))
    return gather_log_probs(prompts, partial(run_whole, subject, prompts))


def prompted_corpus(subject: Subject, tokens: Sequence[Sequence[int]], edit: PromptPrefix) -> CorpusRun:
    """The subject's scores of documents, at the same tokens as without the instruction."""
    prompts = Prompts.whole(subject, led(subject, tokens, edit), lead=len(instruction(subject, edit)))
    return score_documents(prompts, partial(run_whole, subject, prompts))
