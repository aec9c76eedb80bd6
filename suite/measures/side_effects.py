"""Side effects: what an edit fitted on one concept does to the behavior of others.

    effect = 1 - mean g after / mean g before      on the other concept's prompts: 0 untouched

A concept whose behavior the unedited subject hardly shows has no effect, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from interpmark.reports.estimate import Estimate

from .behavior import effect_estimate
from .estimates import Scored, clusters


@dataclass(frozen=True, eq=False)
class Answered:
    """The answers to another concept's prompts.

    Attributes:
        concept: Its name.
        before: G of each prompt before the edit, `[n]` nats.
        after: G after it.
        groups: Entity of each prompt, `[n]`.

    """

    concept: str
    before: npt.NDArray[np.float64]
    after: npt.NDArray[np.float64]
    groups: npt.NDArray[np.int64]


def side_effects(answered: Sequence[Answered], seed: int = 0) -> Scored:
    """Score the other concepts.

    Returns:
        Estimate `side_effect_largest`, the size of the effect on that concept on which it is largest, with the
        interval of that concept. Examples, in the order of the concepts: `side_effect_concepts`; `side_effect_values`,
        each [value, low, high] or None; `side_effect_reasons`, empty where there is a value; `side_effect_g_before`,
        `side_effect_g_after` and `groups_side_effect`, lists of lists.

    """
    name = "side_effect_largest"
    found = [effect_estimate(name, one.before, one.after, one.groups, seed) for one in answered]
    examples: dict[str, list[object]] = {
        "side_effect_concepts": [one.concept for one in answered],
        "side_effect_values": [None if e.value is None else [e.value, e.low, e.high] for e in found],
        "side_effect_reasons": [e.reason for e in found],
        "side_effect_g_before": [one.before.tolist() for one in answered],
        "side_effect_g_after": [one.after.tolist() for one in answered],
        "groups_side_effect": [clusters(one.groups) for one in answered],
    }
    return [_largest(name, found)], examples


def _largest(name: str, found: Sequence[Estimate]) -> Estimate:
    sized = [(e.value, e.low, e.high, e.n) for e in found if None not in (e.value, e.low, e.high)]
    if not sized:
        return Estimate.not_scored(name, found[0].reason if found else "the run has no other concept with a behavior")
    value, low, high, n = max(sized, key=lambda one: abs(one[0] or 0))
    assert value is not None
    assert low is not None
    assert high is not None
    ends = sorted((abs(low), abs(high)))
    return Estimate.scored(name, (abs(value), 0.0 if low <= 0 <= high else ends[0], ends[1]), n)
