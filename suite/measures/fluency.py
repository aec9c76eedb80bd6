"""Fluency of generated text: how likely, how varied, and how repetitive it is.

    perplexity   exp(sum of negative log-likelihoods / tokens), under the unedited subject
    distinct-n   distinct n-grams over all n-grams, of all completions together       (arXiv:1510.03055)
    repetition   1 - distinct n-grams / n-grams within one completion, on average     (arXiv:1908.04319, "seq-rep-n")

Read together: text that repeats itself is very likely under any language model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

Tokens = Sequence[int]


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
