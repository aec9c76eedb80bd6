"""Activation addition, ActAdd (Turner et al. 2023, arXiv:2308.10248).

Two prompts are run; a₊ and a₋ are their activations at the site. x' = x + strength · (a₊ − a₋) position by position, at
the first positions after the prefix, once, while the prompt is read: later positions feel it through attention. The
prefix takes the place of the first position of both prompts, so that its difference is zero and it is left out here.

The shorter prompt is filled up on the right with spaces, as in the paper. A lone space is not always neutral: prompts
of equal length are better. By default the prompts are the first of each class in the fit split.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.added_vectors import PlacedVectors
from interpmark.methods.bench import FitBench
from interpmark.methods.errors import FitError
from interpmark.methods.registry import register

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_loader.load("torch")


@register("activation-addition", kind="steerer", reference="arXiv:2308.10248", supports={"binary"})
@dataclass(frozen=True)
class ActivationAddition:
    """Add the difference of two prompts' activations at the first positions.

    Attributes:
        towards: The prompt for class 1; by default the first of the fit split.
        away: The prompt for class 0; by default the first of the fit split.

    """

    towards: str = ""
    away: str = ""

    def fit_on(self, bench: FitBench, *, seed: int) -> PlacedVectors:
        """Fit on two prompts run on the bench's subject."""
        first = {label: bench.texts[int((bench.split.z == label).nonzero()[0, 0])] for label in (0, 1)}
        texts = [self.away or first[0], self.towards or first[1]]
        tokens = bench.subject.encode(texts)
        space = bench.subject.tokenizer(" ", add_special_tokens=False)["input_ids"]
        longest = max(map(len, tokens))
        filled = [[*ids, *(space[-1:] * (longest - len(ids)))] for ids in tokens]
        zero, one = bench.states(filled)  # [T, d] each
        vectors = one - zero
        if not bool(vectors.any()):
            raise FitError(f"the prompts {texts[0]!r} and {texts[1]!r} have the same activations: give different ones")
        return PlacedVectors(vectors)
