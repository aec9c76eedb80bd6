"""Prompting: a plain instruction before the prompt, the baseline for all steering.

x' = x, and the prompt begins with an instruction. In AxBench (Wu et al. 2025, arXiv:2501.17148) it beats every method
that edits activations. The instructions are the concept's, one towards each class; nothing is fitted. There is one
point in each direction and no strength to choose, so the effect stands beside whatever the instruction costs on neutral
text, and there is none at a given damage.
"""

from __future__ import annotations

from typing import ClassVar

from interpmark.methods.bench import FitBench
from interpmark.methods.errors import FitError
from interpmark.methods.prompt_prefix import PromptPrefix
from interpmark.methods.registry import register


@register("prompting", kind="steerer", reference="arXiv:2501.17148", supports={"binary"})
class Prompting:
    """Put the concept's instruction before the prompt."""

    needs_instructions: ClassVar[bool] = True

    def fit_on(self, bench: FitBench, *, seed: int) -> PromptPrefix:
        """Take the bench's instructions.

        Raises:
            FitError: There are none.

        """
        if len(bench.instructions) != 2:
            raise FitError("prompting needs an instruction towards each of two classes, and the concept has none")
        away, towards = bench.instructions
        return PromptPrefix(bench.split.x.shape[1], towards, away)
