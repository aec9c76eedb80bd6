"""Swap success: how often another class's answers win once a prompt got the concept's part of that class's prompt.

The evaluation of causal direction extraction and of distributed alignment search (their interchange accuracy), for any
edit: what the edit takes out is what it holds the concept to be. An eraser whose directions are read off and not used
has a success near that without any exchange.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from interpmark.reports.estimate import Estimate
from interpmark.reports.intervals import clustered_mean

from .estimates import Scored, clusters, estimate
from .inputs import require_finite


def swap_success(
    before: torch.Tensor, after: torch.Tensor, wanted: torch.Tensor, groups: npt.NDArray[np.int64], seed: int = 0
) -> Scored:
    """Score pairs of prompts.

    Args:
        before: Score of each class's answers after the first prompt of each pair, `[m, classes]`; the largest wins.
        after: The same with the exchange.
        wanted: The second prompts' classes, `[m]` int64.
        groups: Entities of the first prompts, `[m]`.
        seed: Draws the bootstrap.

    Returns:
        Estimates `behavior_swap_success` and `behavior_swap_unedited`. Examples `[m]`: `swap_won_before`,
        `swap_won_after` (1 where the second prompt's class has the likeliest answers) and `groups_swap`.

    Raises:
        ValueError: Shapes differ, or a score is not finite.

    """
    if before.ndim != 2 or before.shape != after.shape or not len(before) == len(wanted) == len(groups):
        shapes = f"{tuple(before.shape)}, {tuple(after.shape)}, {tuple(wanted.shape)}, [{len(groups)}]"
        raise ValueError(f"swap: expected before and after [m, classes], wanted [m] and groups [m], got {shapes}")
    won = {}
    for when, scores in (("before", before), ("after", after)):
        require_finite(f"class scores {when} the exchange", scores)
        won[when] = (scores.argmax(dim=1) == wanted).int().numpy()
    found: list[Estimate] = [
        estimate(name, lambda own=own: clustered_mean(own, groups, seed, bounds=(0, 1)), len(own))  # type: ignore[misc]
        for name, own in (("behavior_swap_success", won["after"]), ("behavior_swap_unedited", won["before"]))
    ]
    examples = {f"swap_won_{when}": own.tolist() for when, own in won.items()}
    return found, {**examples, "groups_swap": clusters(groups)}
