"""How completions read: figures of fluency, with the likelihood that the unedited subject gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from interpmark.fixtures.subjects import Subject, full_logits
from interpmark.fixtures.subjects.generate import Completions

from .measures.fluency import distinct, perplexity, repetition


@dataclass(frozen=True)
class Fluency:
    """How a column's completions read; None where there are too few tokens to say.

    Attributes:
        perplexity: Under the unedited subject.
        distinct_2: Share of bigrams that are distinct, over all completions.
        repetition_4: Share of 4-grams that occurred before in the same completion.
        tokens: Tokens that all completions have.

    """

    perplexity: float | None
    distinct_2: float | None
    repetition_4: float | None
    tokens: int


def fluency(subject: Subject, prompts: Sequence[Sequence[int]], completions: Completions) -> Fluency:
    """How completions read, and how likely the unedited subject finds them after their prompts."""
    pairs = [(prompt, one) for prompt, several in zip(prompts, completions, strict=True) for one in several if one]
    texts = [one for _, one in pairs]
    lengths = [len(one) for one in texts]
    return Fluency(
        perplexity=perplexity(nll(subject, pairs), lengths),
        distinct_2=distinct(texts),
        repetition_4=repetition(texts),
        tokens=sum(lengths),
    )


def nll(subject: Subject, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
    """Negative log-likelihood of each completion after its prompt, summed over its tokens, under the subject."""
    found = [0.0] * len(pairs)
    for batch in subject.batches([[*prompt, *completion] for prompt, completion in pairs]):
        take = torch.zeros_like(batch.mask)
        for row, i in enumerate(batch.rows):
            prompt, completion = pairs[i]
            take[row, len(prompt) - 1 : len(prompt) + len(completion) - 1] = True
        logits = full_logits(subject, batch, take)
        start = 0
        for i in batch.rows:
            completion = pairs[i][1]
            found[i] = _surprise(logits[start : start + len(completion)], completion)
            start += len(completion)
    return found


def _surprise(logits: torch.Tensor, tokens: Sequence[int]) -> float:
    targets = torch.tensor(tokens, device=logits.device)[:, None]
    return -float(logits.float().log_softmax(dim=-1).gather(1, targets).double().sum())
