"""The subject's answers when the fit prompts are run on from other activations at the fixture's site and slot."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from interpmark.fixtures.subjects import Continuation


class AnswersFrom:
    """Some rows of the fit split, each to be run on from whatever activation it is given.

    Args:
        continuation: The prompts, in the order of `rows`.
        rows: Which rows of the fit split they are.
        answers: Token ids of each class's answers.

    """

    def __init__(self, continuation: Continuation, rows: torch.Tensor, answers: Sequence[torch.Tensor]) -> None:
        self._continuation = continuation
        self._rows = rows
        self._text = {row: text for text, row in enumerate(rows.tolist())}
        self._answers = answers

    @property
    def groups(self) -> list[torch.Tensor]:
        """The rows, in groups that run together: prompts of one length. A call for rows of one group is one pass."""
        return [self._rows[list(texts)] for texts in self._continuation.groups]

    def log_probs(self, rows: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Log-probability of each class's answers after the prompts, `[m, k]`, differentiable in x `[m, d]`."""
        logits = self._continuation.logits([self._text[row] for row in rows.tolist()], x)
        log_probs = torch.log_softmax(logits.float(), dim=-1)
        return torch.stack([log_probs[:, ids.to(log_probs.device)].logsumexp(-1) for ids in self._answers], dim=1)
