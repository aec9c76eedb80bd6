"""Behavior effects by class and by template: an effect that is right on average can be wrong for every group.

    effect_k = 1 - mean g after / mean g before      over the prompts of class, or template, k

A subject that says *he* whatever the prompt says has an effect of 0 on one class, of 2 on the other, and of 1 on
average.
All comes from the log-odds g that `behavior_change` has found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from interpmark.reports.estimate import Estimate
from interpmark.reports.intervals import Interval, clustered_of_sums

from .estimates import Scored, estimate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def class_effects(
    before: Floats, after: Floats, z: Ints, groups: Ints, names: Sequence[str] = (), seed: int = 0
) -> Scored:
    """Score each class's prompts by themselves.

    Args:
        before: G of each prompt before the edit, `[n]` nats.
        after: G after it.
        z: The prompts' classes, `[n]`.
        groups: Entity of each prompt, `[n]`.
        names: What the classes are called, for messages.
        seed: Draws the bootstrap.

    Returns:
        Estimates `behavior_effect_lowest_class` and `behavior_effect_highest_class`: with two classes these are the two
        effects. The intervals choose the class anew in every draw. Not scored unless mean g before is clearly above 0
        in every class. Examples: `behavior_class` `[n]`, and `behavior_effect_by_class`, None for a class without
        prompts or where mean g before is 0.

    """
    kinds = np.unique(z)
    called = {int(k): names[k] if k < len(names) else f"class {k}" for k in kinds}
    sizes = [int((z == k).sum()) for k in kinds]
    own = _sums(before, after, z, kinds)
    lowest = _over(own, groups, np.fmin.reduce, seed)
    highest = _over(own, groups, np.fmax.reduce, seed)
    reason = _unsure(before, z, groups, called)
    found = [
        Estimate.not_scored(name, reason) if reason else estimate(name, interval, min(sizes))
        for name, interval in (("behavior_effect_lowest_class", lowest), ("behavior_effect_highest_class", highest))
    ]
    values = dict(zip(kinds.tolist(), _values(own), strict=True))
    by_class: list[object] = [values.get(k) for k in range(int(kinds.max(initial=-1)) + 1)]
    return found, {"behavior_class": z.tolist(), "behavior_effect_by_class": by_class}


def template_effects(before: Floats, after: Floats, templates: Ints, groups: Ints, seed: int = 0) -> Scored:
    """Score each template's prompts by themselves.

    Args:
        before: G of each prompt before the edit, `[n]` nats.
        after: G after it.
        templates: Template of each prompt, `[n]`.
        groups: Entity of each prompt, `[n]`.
        seed: Draws the bootstrap.

    Returns:
        Estimate `behavior_worst_template`, the largest |effect - 1| of a template, chosen anew in every draw; biased
        upwards, as the largest of several is. Not scored for prompts of one template. Examples: `behavior_template`
        `[n]`, and `behavior_effect_by_template` in the order of these numbers.

    """
    name = "behavior_worst_template"
    kinds, numbers = np.unique(templates, return_inverse=True)
    own = _sums(before, after, numbers, np.arange(len(kinds)))
    examples: dict[str, list[object]] = {
        "behavior_template": numbers.tolist(),
        "behavior_effect_by_template": list(_values(own)),
    }
    if len(kinds) < 2:
        return [Estimate.not_scored(name, "the prompts are of one template")], examples
    reason = _unsure(before, numbers, groups, {k: f"template {k}" for k in range(len(kinds))})
    if reason:
        return [Estimate.not_scored(name, reason)], examples
    return [
        estimate(name, _over(own, groups, lambda effects: np.fmax.reduce(abs(effects - 1)), seed), len(before))
    ], examples


def _sums(before: Floats, after: Floats, z: Ints, kinds: npt.NDArray[np.integer]) -> Floats:
    """G before and after of each prompt in the column of its kind, 0 elsewhere: `[2, k, n]`."""
    if not before.shape == after.shape == z.shape or before.ndim != 1:
        raise ValueError(f"effects: g before {before.shape}, g after {after.shape} and groups {z.shape} must be [n]")
    member = z[None] == kinds[:, None]  # [k, n]
    return np.stack([before * member, after * member])


def _values(own: Floats) -> list[float | None]:
    return [1 - float(after / before) if before else None for before, after in own.sum(axis=2).T]


def _over(own: Floats, groups: Ints, reduce: Callable[[Floats], Floats], seed: int) -> Callable[[], Interval]:
    """The interval, when asked for, of what `reduce` makes of the effects `[k, ...]`."""

    def statistic(sums: Floats) -> Floats:
        before, after = sums.reshape(2, -1, *sums.shape[1:])
        with np.errstate(all="ignore"):
            # A kind that a draw has not, or whose g before is not above 0 there, is left out, as nan.
            return np.asarray(reduce(1 - after / np.where(before > 0, before, np.nan)))

    return lambda: clustered_of_sums(statistic, own.reshape(-1, own.shape[2]), groups, seed)


def _unsure(before: Floats, z: Ints, groups: Ints, names: Mapping[int, str]) -> str:
    """Why no effect can be told: a kind's mean g before is not 3 standard errors above 0. Empty when all are."""
    for kind, name in names.items():
        g, entity = before[z == kind], np.unique(groups[z == kind], return_inverse=True)[1]
        totals = np.bincount(entity, weights=g)
        error = np.sqrt(len(totals) * totals.var(ddof=1)) if len(totals) > 1 else np.inf
        if totals.sum() <= 3 * error:
            mean, spread = g.mean(), error / len(g)
            return f"mean g before the edit is {mean:.3g} ± {spread:.2g} nats in {name}, not clearly above 0"
    return ""
