"""How each measure is made of per-example scores, as data: which examples, and what of their sums over clusters.

The suite computes an estimate once, when a cell is scored. What compares two runs needs the same number again and
again, on drawn or swapped clusters. A recipe is that number without the suite: columns [..., n], one entry an example,
and a statistic of the columns' sums. A test replays the estimates of real scorecards, so recipes cannot drift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """How a measure's value follows from a scorecard's examples.

    Attributes:
        parts: Names of the per-example scores that it is made of.
        columns: From these, as arrays, to columns `[..., n]`; the last column is the scale of the others.
        statistic: From sums of the columns `[..., draws]` to values `[draws]`.
        groups: Where the examples' clusters are, the first that is there; () when every example is its own cluster.
        noise: What another machine may change an example's score by in rounding, in units of the last column's mean.

    """

    parts: tuple[str, ...]
    columns: Callable[..., Floats]
    statistic: Callable[[Floats], Floats]
    groups: tuple[str, ...] = ("groups",)
    noise: float = 1e-6

    def fits(self, examples: Mapping[str, Any]) -> bool:
        """Return whether all parts are there."""
        return all(part in examples for part in self.parts)

    def table(self, examples: Mapping[str, Any]) -> Floats:
        """Return the columns `[..., n]` of a scorecard's examples."""
        return self.columns(*(np.asarray(examples[part], dtype=np.float64) for part in self.parts))

    def clusters(self, examples: Mapping[str, Any], n: int) -> NDArray[np.int64] | None:
        """Return the cluster of each of n examples, `[n]`, None when the scorecard does not say."""
        if not self.groups:
            return np.arange(n)
        found = next((examples[name] for name in self.groups if name in examples), None)
        return None if found is None else np.asarray(found, dtype=np.int64)


def _with_ones(rows: Floats) -> Floats:
    return np.concatenate([rows, np.ones((1, rows.shape[-1]))])


def _mean_columns(values: Floats) -> Floats:
    return _with_ones(values[None])


def _ratio(sums: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return np.asarray(sums[0] / sums[1])


def _lost(sums: Floats) -> Floats:
    return 1 - _ratio(sums)


def _largest_mean(sums: Floats) -> Floats:
    return np.asarray((sums[:-1] / sums[-1]).max(axis=0))


def _gained(prior: Floats, loss: Floats) -> Floats:
    return _with_ones(prior - loss)


def _pair(top: Floats, below: Floats) -> Floats:
    return np.stack([top, below])


def _flipped(before: Floats, after: Floats) -> Floats:
    return np.stack([before * (1 - after), before])


def _by_kind(after: Floats, before: Floats, kind: Floats) -> Floats:
    member = kind[None] == np.unique(kind)[:, None]  # [k, n]
    return np.stack([after * member, before * member])


def _over_kinds(reduce: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    def statistic(sums: Floats) -> Floats:
        after, before = sums  # [k, draws]
        with np.errstate(all="ignore"):  # a kind that a draw has not is left out
            return np.asarray(reduce(1 - after / np.where(before > 0, before, np.nan)))

    return statistic


def _farthest(effects: Floats) -> Floats:
    return np.asarray(np.fmax.reduce(abs(effects - 1)))


def _best_r2(sums: Floats) -> Floats:
    error, deviation = sums  # [T, k, draws]
    with np.errstate(all="ignore"):
        return np.asarray((1 - error / deviation).mean(axis=1).max(axis=0))


def _steering_columns(h: Floats, after: Floats, label: Floats) -> Floats:
    zero, one = 1 - label, label
    return np.stack([(after - h) * zero, (h - after) * one, h * one, h * zero, one, zero])


def _steering(towards: float, away: float) -> Callable[[Floats], Floats]:
    def effect(sums: Floats) -> Floats:
        moved_zero, moved_one, h_one, h_zero, n_one, n_zero = sums
        with np.errstate(all="ignore"):  # a draw without one of the classes has no effect
            gap = h_one / n_one - h_zero / n_zero
            return np.asarray(2 * (towards * moved_zero / n_zero + away * moved_one / n_one) / gap)

    return effect


def _accuracies(suffix: str) -> tuple[Recipe, Recipe]:
    """Return the recipes for classes and for continuous labels."""
    groups = (f"groups{suffix}",)
    errors = (f"residual_squared_error{suffix}", f"label_squared_deviation{suffix}")
    return (
        Recipe((f"residual_correct{suffix}",), _with_ones, _largest_mean, groups, noise=0.0),
        Recipe(errors, _pair, _best_r2, groups, noise=1e-9),
    )


def _effect(suffix: str, groups: tuple[str, ...]) -> Recipe:
    return Recipe((f"behavior_g_after{suffix}", f"behavior_g_before{suffix}"), _pair, _lost, groups)


def _flips(suffix: str, groups: tuple[str, ...]) -> Recipe:
    return Recipe((f"behavior_own_before{suffix}", f"behavior_own_after{suffix}"), _flipped, _ratio, groups, noise=0.0)


def _at_damage(level: str) -> Recipe:
    parts = ("probe_h_before", f"steering_effect_at_{level}_h_after", "probe_class")
    return Recipe(parts, _steering_columns, _steering(0.5, 0.5), ("groups_probe",))


def _kinds(kind: str, reduce: Callable[[Floats], Floats]) -> Recipe:
    return Recipe(("behavior_g_after", "behavior_g_before", kind), _by_kind, _over_kinds(reduce))


_TEST = ("groups_facts", "groups")
_STEERED = ("steering_h_before", "steering_h_after", "steering_class")
_DOCUMENT_SIZES = ("document_edit_squared_size", "document_squared_deviation")

RECIPES: Mapping[str, Sequence[Recipe]] = MappingProxyType(
    {
        "steering_effect": (Recipe(_STEERED, _steering_columns, _steering(0.5, 0.5)),),
        "steering_effect_towards": (Recipe(_STEERED, _steering_columns, _steering(1.0, 0.0)),),
        "steering_effect_away": (Recipe(_STEERED, _steering_columns, _steering(0.0, 1.0)),),
        "steering_effect_at_0.1": (_at_damage("0.1"),),
        "steering_effect_at_0.3": (_at_damage("0.3"),),
        "residual_accuracy": _accuracies(""),
        "residual_accuracy_transfer": _accuracies("_transfer"),
        "linear_information": (Recipe(("prior_loss", "adversary_loss"), _gained, _largest_mean),),
        "edit_norm": (Recipe(("edit_squared_size", "squared_deviation"), _pair, _ratio, noise=1e-12),),
        "edit_norm_off_target": (Recipe(_DOCUMENT_SIZES, _pair, _ratio, groups=(), noise=1e-12),),
        "edit_excess": (Recipe(("edit_squared_size", "guard_squared_size"), _pair, _ratio, noise=1e-9),),
        "behavior_effect": (_effect("", _TEST),),
        "behavior_effect_transfer": (_effect("_transfer", ("groups_transfer",)),),
        "behavior_effect_lowest_class": (_kinds("behavior_class", np.fmin.reduce),),
        "behavior_effect_highest_class": (_kinds("behavior_class", np.fmax.reduce),),
        "behavior_worst_template": (_kinds("behavior_template", _farthest),),
        "behavior_swap_success": (Recipe(("swap_won_after",), _mean_columns, _ratio, ("groups_swap",), noise=0.0),),
        "behavior_flip_rate": (_flips("", _TEST),),
        "behavior_flip_rate_transfer": (_flips("_transfer", ("groups_transfer",)),),
        "behavior_tv_on_target": (Recipe(("behavior_tv",), _mean_columns, _ratio, _TEST),),
        "behavior_tv_off_target": (Recipe(("behavior_tv_neutral",), _mean_columns, _ratio, ("groups_neutral",)),),
        "perplexity_damage": (Recipe(("document_damage", "document_tokens"), _pair, _ratio, groups=()),),
    }
)
"""By measure, its recipe for each form that a concept's labels take; the first whose parts are there counts."""

EXACT = frozenset({"guard_residual"})
"""Scores that are facts of the fit split's rows: they have no sampling error, and no recipe."""


def recipe_of(measure: str, examples: Mapping[str, Any]) -> Recipe | None:
    """Return the recipe that these examples allow, None when there is none."""
    return next((recipe for recipe in RECIPES.get(measure, ()) if recipe.fits(examples)), None)
