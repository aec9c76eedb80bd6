"""Fluency of generated text: how likely, how varied, and how repetitive it is.

    perplexity   exp(sum of negative log-likelihoods / tokens), under the unedited subject
    distinct-n   distinct n-grams over all n-grams, of all completions together       (arXiv:1510.03055)
    repetition   1 - distinct n-grams / n-grams within one completion, on average     (arXiv:1908.04319, "seq-rep-n")

Read together: text that repeats itself is very likely under any language model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from interpmark.reports.estimate import Estimate
from interpmark.reports.intervals import Interval, clustered_mean, clustered_ratio

from .estimates import Scored, estimate

Tokens = Sequence[int]


class Text(NamedTuple):
    """A completion: its tokens, and their negative log-likelihood under the unedited subject, summed, in nats."""

    tokens: Tokens
    nll: float


def generated_text(before: Sequence[Text], after: Sequence[Text], seed: int = 0) -> Scored:
    """Score completions of the same prompts, one each, by the unedited and the edited subject.

    Returns:
        Estimates `generated_perplexity` and `generated_perplexity_unedited`, with intervals over prompts;
        `generated_distinct_2`, a fact of these texts without an interval; `generated_repetition_4`. Not scored where
        the texts are too few or too short. Examples `[prompts]`: `generated_nll` and `generated_tokens`, and the same
        with `_unedited`.

    """
    found = [
        _perplexity("generated_perplexity", after, seed),
        _perplexity("generated_perplexity_unedited", before, seed),
        _distinct("generated_distinct_2", [text.tokens for text in after]),
        _repetition("generated_repetition_4", [text.tokens for text in after], seed),
    ]
    return found, {
        "generated_nll": [text.nll for text in after],
        "generated_tokens": [len(text.tokens) for text in after],
        "generated_nll_unedited": [text.nll for text in before],
        "generated_tokens_unedited": [len(text.tokens) for text in before],
    }


def _perplexity(measure: str, texts: Sequence[Text], seed: int) -> Estimate:
    written = [text for text in texts if text.tokens]
    if not written:
        return Estimate.not_scored(measure, "the subject wrote nothing")
    nll, lengths = [text.nll for text in written], [len(text.tokens) for text in written]

    def interval() -> Interval:
        return Interval(*np.exp(clustered_ratio(nll, lengths, range(len(written)), seed)).tolist())

    return estimate(measure, interval, len(written))


def _distinct(measure: str, completions: Sequence[Tokens]) -> Estimate:
    share = distinct(completions)
    reason = "no text has two tokens"
    return Estimate.not_scored(measure, reason) if share is None else Estimate.exact(measure, share, len(completions))


def _repetition(measure: str, completions: Sequence[Tokens], seed: int) -> Estimate:
    shares = [share for tokens in completions if (share := repetition([tokens])) is not None]
    if not shares:
        return Estimate.not_scored(measure, "no text has four tokens")
    return estimate(measure, lambda: clustered_mean(shares, range(len(shares)), seed, bounds=(0, 1)), len(shares))


def perplexity(nll: Sequence[float], lengths: Sequence[int]) -> float | None:
    """Perplexity per token of completions, weighted by length.

    Args:
        nll: Negative log-likelihood of each completion, summed over its tokens, in nats.
        lengths: Tokens of each.

    Returns:
        The perplexity, or None where there is no token.

    Raises:
        ValueError: Lengths of the two differ, or a likelihood is NaN.

    """
    if len(nll) != len(lengths):
        raise ValueError(f"{len(nll)} likelihoods for {len(lengths)} completions")
    if any(math.isnan(one) for one in nll):
        raise ValueError("the likelihood of a completion is NaN")
    total = sum(lengths)
    return math.exp(sum(nll) / total) if total else None


def distinct(completions: Sequence[Tokens], n: int = 2) -> float | None:
    """Share of n-grams that are distinct, over all completions; None where none is as long as n."""
    found = [gram for tokens in completions for gram in _grams(tokens, n)]
    return len(set(found)) / len(found) if found else None


def repetition(completions: Sequence[Tokens], n: int = 4) -> float | None:
    """Share of n-grams that occurred before in the same completion: the mean over the completions as long as n."""
    shares = [1 - len(set(grams)) / len(grams) for tokens in completions if (grams := _grams(tokens, n))]
    return sum(shares) / len(shares) if shares else None


def _grams(tokens: Tokens, n: int) -> list[tuple[int, ...]]:
    if n < 1:
        raise ValueError(f"n is {n}: an n-gram has 1 token or more")
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
