"""Perplexity damage: how much worse the edited subject predicts neutral text, in nats per token."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from interpmark.reports.intervals import clustered_ratio

from .estimates import Scored, estimate


def perplexity_damage(before: npt.ArrayLike, after: npt.ArrayLike, tokens: npt.ArrayLike, seed: int = 0) -> Scored:
    """Score a corpus, document by document.

    Args:
        before: The unedited subject's negative log-likelihood of each document, summed over its tokens, `[D]` nats.
        after: The edited subject's.
        tokens: Tokens that each sum is over, `[D]`.
        seed: Draws the bootstrap.

    Returns:
        The estimate `perplexity_damage`, sum(after - before) / sum(tokens), paired by document; n is the number of
        tokens. Examples `[D]`: `document_nll_before` and `document_damage` (sums, nats), `document_tokens`; and
        `baseline_nll` [1], the unedited mean per token.

    Raises:
        ValueError: Lengths differ, there is no token, a count is below 1, or a number is not finite.

    """
    start, end, count = (np.asarray(values, dtype=np.float64) for values in (before, after, tokens))
    if start.ndim != 1 or not start.shape == end.shape == count.shape or not start.size:
        raise ValueError(f"perplexity: expected three of [D], D >= 1, got {start.shape}, {end.shape}, {count.shape}")
    if not all(np.isfinite(values).all() for values in (start, end, count)):
        raise ValueError("perplexity: a document's negative log-likelihood or token count is NaN or infinite")
    if (count < 1).any():
        raise ValueError("perplexity: a document without tokens; leave it out")
    damage = end - start
    groups = np.arange(len(count))
    found = estimate("perplexity_damage", lambda: clustered_ratio(damage, count, groups, seed), int(count.sum()))
    return [found], {
        "document_nll_before": start.tolist(),
        "document_damage": damage.tolist(),
        "document_tokens": count.astype(int).tolist(),
        "baseline_nll": [float(start.sum() / count.sum())],
    }
