"""Interchanges: pairs of prompts that differ in their entity alone, each with what an edit takes out of the other.

An edit that takes e(x) = x - edit(x) out of an activation tells what it holds the concept to be. Exchanged,

    h_a' = h_a - e(h_a) + e(h_b) = edit(h_a) + h_b - edit(h_b)

the prompt is a's, and what the edit takes for the concept is b's. For a projection along v this is the interchange of
CDE and DAS, h_a + v vᵀ(h_b - h_a); for x' = x - (x - c) R Lᵀ + s it is h_a + (h_b - h_a) R Lᵀ, whatever c and s are. An
edit that replaces the whole activation exchanges the whole: the most that an interchange at this site can do.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch

from interpmark.fixtures.subjects import Continuation
from interpmark.methods import Edit, FitError

from .grounds import FixtureGround
from .measures.behavior import class_offsets, class_scores
from .pairs import opposite_pairs

PAIRS = 64
"""At most so many pairs are run, spread over the entities."""


@dataclass(frozen=True, eq=False)
class Interchange:
    """Pairs of test prompts, the first of which is run on.

    Attributes:
        first: Slot activations of the first prompts, `[m, d]` float64.
        second: Of the second, of another class.
        wanted: The second prompts' classes, `[m]`.
        groups: Entities of the first prompts, `[m]`.
        unedited: The class scores without any exchange, `[m, classes]`.
        offsets: Subtracted from the classes' scores, `[m, classes]`, or None.
        answers: Token ids of each class's answers.
        continuation: The first prompts.

    """

    first: torch.Tensor
    second: torch.Tensor
    wanted: torch.Tensor
    groups: npt.NDArray[np.int64]
    unedited: torch.Tensor
    offsets: torch.Tensor | None
    answers: tuple[torch.Tensor, ...]
    continuation: Continuation

    def swapped(self, edit: Edit) -> torch.Tensor:
        """The first activations with what the edit takes out of the second, `[m, d]`."""
        return edit(self.first) + self.second - edit(self.second)

    def class_scores(self, x: torch.Tensor) -> torch.Tensor:
        """Log-probability of each class's answers after the first prompts with x at the slot, `[m, classes]` float64.

        Up to a constant for each prompt, and relative to the offsets where there are any.
        """
        tokens = torch.cat(list(self.answers))
        logits = self.continuation.token_logits(range(len(x)), x, tokens).double().cpu()
        parts = torch.split(logits, [len(ids) for ids in self.answers], dim=1)
        scores = torch.stack([part.logsumexp(dim=1) for part in parts], dim=1)
        return scores if self.offsets is None else scores - self.offsets


@lru_cache(maxsize=1)
def interchange_of(at: FixtureGround) -> Interchange:
    """The pairs of a fixture, the same for every method on it.

    Raises:
        FitError: There are no answers, or no pairs.

    """
    stage, test = at.stage, at.ground.test
    if stage is None or stage.answers is None:
        raise FitError("there are no answers")
    rows = stage.scored_split("test")
    templates = [str(template) for template in stage.scored_templates[rows]]
    pairs = opposite_pairs(torch.arange(len(test)), test.z, templates, seed=0)
    pairs = pairs[spread(test.groups[pairs[:, 0].numpy()], PAIRS)]
    first, second = pairs.T
    offsets = None
    if stage.centred:
        kinds = stage.scored_templates[rows]
        offsets = class_offsets(stage.reference[rows], stage.answers, test.z, kinds)[first].cpu()
    unedited = class_scores(stage.reference[rows][first], stage.answers)
    return Interchange(
        first=test.x[first],
        second=test.x[second],
        wanted=test.z[second],
        groups=test.groups[first.numpy()],
        unedited=unedited if offsets is None else unedited - offsets,
        offsets=offsets,
        answers=tuple(stage.answers),
        continuation=stage.continuation(at.site, first.tolist()),
    )


def spread(groups: npt.NDArray[np.int64], limit: int) -> torch.Tensor:
    """Up to `limit` rows, ascending, such that no entity comes twice before all have come once, and so on."""
    order = np.random.default_rng(0).permutation(len(groups))
    seen: dict[int, int] = {}
    turns = np.empty(len(groups), dtype=np.int64)
    for row in order.tolist():
        turns[row] = seen[int(groups[row])] = seen.get(int(groups[row]), -1) + 1
    chosen = order[np.argsort(turns[order], kind="stable")][:limit]
    return torch.from_numpy(np.sort(chosen))
