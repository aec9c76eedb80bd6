"""The catalogue of measures, as data: what each is called, its unit, which way is good, and its version.

A measure's `version` is raised when its definition changes, so that numbers made under two definitions never share
a table. The functions that compute the measures live in the suite; this file is all that a reader of results needs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Direction = Literal["lower", "higher", "one", "context"]
"""Which way is good: lower, higher, close to one, or "context" (read beside other measures, good in no direction)."""

Group = Literal["score", "context", "cost"]
"""A score judges a method; context describes the fixture; a cost changes from run to run (seconds, megabytes)."""


ASKED = ("cross", "nonlinear", "samples")
"""What a run can ask for beside the measures that every run has: `--interp-cross` and so on."""


@dataclass(frozen=True)
class Measure:
    """One measure of the catalogue.

    `better` maps a kind of method ("eraser", ...) to the direction that is good for it. `bounds` are the smallest and
    largest possible values, None where there is no bound. `headline` measures have a column in the leaderboard.
    `kinds` are the kinds of method that it is for; empty when it is for all. `asked` names what a run must ask for to
    have it, out of `ASKED`; empty when every run has it.
    """

    name: str
    title: str
    unit: str
    summary: str
    group: Group = "score"
    better: Mapping[str, Direction] = field(default_factory=dict)
    bounds: tuple[float | None, float | None] = (None, None)
    headline: bool = False
    kinds: frozenset[str] = frozenset()
    asked: str = ""
    version: int = 1

    def direction(self, kind: str) -> Direction:
        """Return the direction that is good for a method of this kind; "context" when none is declared."""
        return self.better.get(kind, "context")

    def is_for(self, kind: str) -> bool:
        """Return whether methods of this kind are scored by it."""
        return not self.kinds or kind in self.kinds


_ERASER = frozenset({"eraser"})
_STEERER = frozenset({"steerer"})
_LOWER: Mapping[str, Direction] = MappingProxyType({"eraser": "lower"})
_LOWER_COST: Mapping[str, Direction] = MappingProxyType({"eraser": "lower", "steerer": "lower"})
_HIGHER: Mapping[str, Direction] = MappingProxyType({"steerer": "higher"})
_HIGHER_ERASER: Mapping[str, Direction] = MappingProxyType({"eraser": "higher"})
_ONE: Mapping[str, Direction] = MappingProxyType({"eraser": "one"})
_FRACTION = (0.0, 1.0)
_NOT_NEGATIVE = (0.0, None)

_CATALOGUE = (
    Measure(
        "steering_effect",
        "steering effect",
        "ratio",
        "behavior effect of steering each class to the other, the strengths chosen on probe: 0 none, 1 even, 2 swapped",
        better=_HIGHER,
        headline=True,
        kinds=_STEERER,
    ),
    Measure(
        "steering_effect_towards",
        "steering effect, towards",
        "ratio",
        "its part on class 0's prompts, steered towards class 1",
        better=_HIGHER,
        kinds=_STEERER,
    ),
    Measure(
        "steering_effect_away",
        "steering effect, away",
        "ratio",
        "its part on class 1's prompts, steered away towards class 0",
        better=_HIGHER,
        kinds=_STEERER,
    ),
    Measure(
        "steering_effect_at_0.1",
        "effect at 0.1 nats",
        "ratio",
        "steering effect on the sweep where the perplexity damage is 0.1 nats per token",
        better=_HIGHER,
        headline=True,
        kinds=_STEERER,
        version=3,  # no crossing below a weakest strength that is far too dear
    ),
    Measure(
        "steering_effect_at_0.3",
        "effect at 0.3 nats",
        "ratio",
        "the same at 0.3 nats per token",
        better=_HIGHER,
        headline=True,
        kinds=_STEERER,
        version=3,  # no crossing below a weakest strength that is far too dear
    ),
    Measure(
        "residual_accuracy",
        "residual accuracy",
        "fraction",
        "accuracy of the strongest linear adversary trained on edited activations (R² when labels are continuous)",
        better=_LOWER,
        # No lower bound: R² of a continuous concept can be negative.
        bounds=(None, 1.0),
        headline=True,
        kinds=_ERASER,
    ),
    Measure(
        "residual_accuracy_transfer",
        "residual accuracy, transfer",
        "fraction",
        "the same adversary scored on the transfer split",
        better=_LOWER,
        bounds=(None, 1.0),
        kinds=_ERASER,
    ),
    Measure(
        "unedited_accuracy",
        "unedited accuracy",
        "fraction",
        "accuracy of the same adversaries on unedited activations",
        group="context",
        bounds=(None, 1.0),
        kinds=_ERASER,
    ),
    Measure(
        "majority_rate",
        "majority rate",
        "fraction",
        "accuracy of always answering the commonest class (0 for R²)",
        group="context",
        bounds=_FRACTION,
        kinds=_ERASER,
    ),
    Measure(
        "linear_information",
        "linear information",
        "nats",
        "entropy of the label minus the adversary's cross-entropy",
        better=_LOWER,
        kinds=_ERASER,
    ),
    Measure(
        "guard_residual",
        "guard residual",
        "relative",
        "largest absolute covariance of edited activations and label on the fit split, relative to before the edit",
        better=_LOWER,
        bounds=_NOT_NEGATIVE,
        kinds=_ERASER,
    ),
    Measure(
        "edit_norm",
        "edit norm",
        "fraction of variance",
        "mean squared size of the edit over the total variance of the activations, on the test split",
        better=_LOWER,
        bounds=_NOT_NEGATIVE,
        headline=True,
    ),
    Measure(
        "edit_norm_off_target",
        "edit norm, off target",
        "fraction of variance",
        "the same on neutral text",
        better=_LOWER,
        bounds=_NOT_NEGATIVE,
    ),
    Measure(
        "edit_excess",
        "edit excess",
        "ratio",
        "edit norm over that of the smallest affine edit that guards the concept",
        better=_LOWER,
        bounds=_NOT_NEGATIVE,
        kinds=_ERASER,
    ),
    Measure(
        "behavior_effect",
        "behavior effect",
        "ratio",
        "1 - mean log-odds of the own class's answers after the edit over before: 0 untouched, 1 erased, 2 swapped",
        better=_ONE,
        headline=True,
        kinds=_ERASER,
    ),
    Measure(
        "behavior_effect_transfer",
        "behavior effect, transfer",
        "ratio",
        "the same on the transfer split",
        better=_ONE,
        kinds=_ERASER,
    ),
    Measure(
        "behavior_flip_rate",
        "flip rate",
        "fraction",
        "of the prompts whose own class's answers were preferred, the fraction that prefers another's after the edit",
        bounds=_FRACTION,
        headline=True,
        kinds=_ERASER,
    ),
    Measure(
        "behavior_flip_rate_transfer",
        "flip rate, transfer",
        "fraction",
        "the same on the transfer split",
        bounds=_FRACTION,
        kinds=_ERASER,
    ),
    Measure(
        "behavior_effect_lowest_class",
        "behavior effect, lowest class",
        "ratio",
        "the behavior effect on the prompts of that class where it is lowest",
        better=_ONE,
        kinds=_ERASER,
    ),
    Measure(
        "behavior_effect_highest_class",
        "behavior effect, highest class",
        "ratio",
        "the behavior effect on the prompts of that class where it is highest",
        better=_ONE,
        kinds=_ERASER,
    ),
    Measure(
        "behavior_worst_template",
        "worst template",
        "ratio",
        "the largest distance of a template's own behavior effect from 1 (erased)",
        better=_LOWER,
        bounds=_NOT_NEGATIVE,
        kinds=_ERASER,
    ),
    Measure(
        "behavior_unedited",
        "unedited log-odds",
        "nats",
        "mean log-odds of the own class's answers before any edit",
        group="context",
        kinds=_ERASER,
    ),
    Measure(
        "behavior_swap_success",
        "swap success",
        "fraction",
        "the fraction of pairs of prompts where the other's answers win once what the edit takes out is exchanged",
        better=_HIGHER_ERASER,
        bounds=_FRACTION,
        kinds=_ERASER,
    ),
    Measure(
        "behavior_swap_unedited",
        "swap success without exchange",
        "fraction",
        "the fraction of the same pairs where they win without any exchange",
        group="context",
        bounds=_FRACTION,
        kinds=_ERASER,
    ),
    Measure(
        "behavior_tv_on_target",
        "TV on target",
        "fraction",
        "total variation of the next-token distribution, before and after, on the concept's prompts",
        bounds=_FRACTION,
        headline=True,
        kinds=_ERASER,
    ),
    Measure(
        "behavior_tv_off_target",
        "TV off target",
        "fraction",
        "the same on neutral prompts",
        better=_LOWER_COST,
        bounds=_FRACTION,
        headline=True,
    ),
    Measure(
        "perplexity_damage",
        "perplexity damage",
        "nats/token",
        "mean negative log-likelihood of a token after the edit minus before, on the neutral corpus",
        better=_LOWER_COST,
        headline=True,
    ),
    Measure(
        "side_effect_largest",
        "largest side effect",
        "ratio",
        "size of the behavior effect on that other concept of the run on which it is largest",
        better=_LOWER,
        bounds=_NOT_NEGATIVE,
        kinds=_ERASER,
        asked="cross",
    ),
    Measure(
        "nonlinear_accuracy",
        "nonlinear accuracy",
        "fraction",
        "accuracy of a small network trained on edited activations; for information, good in no direction",
        bounds=_FRACTION,
        kinds=_ERASER,
        asked="nonlinear",
    ),
    Measure(
        "generated_perplexity",
        "perplexity of samples",
        "perplexity",
        "perplexity of the kept samples after the edit, under the unedited subject",
        bounds=_NOT_NEGATIVE,
        asked="samples",
    ),
    Measure(
        "generated_perplexity_unedited",
        "perplexity of unedited samples",
        "perplexity",
        "the same of the samples that the unedited subject gives",
        group="context",
        bounds=_NOT_NEGATIVE,
        asked="samples",
    ),
    Measure(
        "generated_distinct_2",
        "distinct-2 of samples",
        "fraction",
        "share of bigrams that are distinct, over all kept samples",
        bounds=_FRACTION,
        asked="samples",
    ),
    Measure(
        "generated_repetition_4",
        "repetition-4 of samples",
        "fraction",
        "share of 4-grams that occurred before in the same sample, on average",
        bounds=_FRACTION,
        asked="samples",
    ),
    Measure(
        "fit_seconds",
        "fit time",
        "s",
        "wall-clock time of fitting the method",
        group="cost",
        better=_LOWER_COST,
        bounds=_NOT_NEGATIVE,
        headline=True,
    ),
    Measure(
        "apply_seconds",
        "apply time",
        "s",
        "wall-clock time of applying the edit to the test split",
        group="cost",
        better=_LOWER_COST,
        bounds=_NOT_NEGATIVE,
    ),
    Measure(
        "peak_memory_mb",
        "peak memory",
        "MB",
        "largest resident memory of the process while the cell was scored",
        group="cost",
        better=_LOWER_COST,
        bounds=_NOT_NEGATIVE,
    ),
)

MEASURES: Mapping[str, Measure] = MappingProxyType({measure.name: measure for measure in _CATALOGUE})
"""Every measure by name, in the order in which reports list them."""


def measures_for(kind: str, asked: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of the measures that score methods of this kind, in order.

    `asked` is what the run asked for, out of `ASKED`; the measures of what it did not ask for are left out.
    """
    return tuple(m.name for m in _CATALOGUE if m.is_for(kind) and (not m.asked or m.asked in asked))


def headlines(kind: str) -> tuple[str, ...]:
    """Return the names of the measures that have a column in the leaderboard of this kind, in order."""
    return tuple(measure.name for measure in _CATALOGUE if measure.headline and measure.is_for(kind))


def measure_versions(names: Iterable[str]) -> dict[str, int]:
    """Return name -> version for the names that the catalogue knows; other names are left out."""
    return {name: MEASURES[name].version for name in names if name in MEASURES}


def unit_of(name: str) -> str:
    """Return a measure's unit, "" for a name that the catalogue does not know."""
    return MEASURES[name].unit if name in MEASURES else ""
