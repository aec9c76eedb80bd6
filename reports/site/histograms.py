"""The per-example scores behind a measure, as histograms."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Values: TypeAlias = "Sequence[float]"
Examples: TypeAlias = "Mapping[str, Any]"

_BINS = 24
# A few far examples would press all others into one bin; those outside are counted in the outermost bins.
_TAIL = 0.005


@dataclass(frozen=True)
class Histogram:
    """Counts of examples. Bins have `edges`, one more than there are bins, or are categories with `labels`."""

    title: str
    axis: str
    edges: tuple[float, ...]
    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[int, ...]], ...]


def histograms(examples: Examples) -> dict[str, Histogram]:
    """Return measure -> histogram, for the measures whose examples are there and of a form that is known."""
    found: dict[str, Histogram] = {}
    for measure, build in _BUILDERS.items():
        try:
            found[measure] = build(examples)
        except (KeyError, TypeError, IndexError, ValueError, ZeroDivisionError):
            # Examples of another version, or of a measure that kept none: the panel shows the number without them.
            continue
    return found


def _binned(title: str, axis: str, series: Mapping[str, Values]) -> Histogram:
    values = sorted(float(value) for one in series.values() for value in one)
    cut = int(len(values) * _TAIL)
    low, high = values[cut], values[-1 - cut]
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = tuple(low + (high - low) * index / _BINS for index in range(_BINS + 1))
    return Histogram(title, axis, edges, (), tuple((name, _counts(one, low, high)) for name, one in series.items()))


def _counts(values: Values, low: float, high: float) -> tuple[int, ...]:
    counts = [0] * _BINS
    for value in values:
        place = math.floor((value - low) / (high - low) * _BINS)
        counts[min(max(place, 0), _BINS - 1)] += 1
    return tuple(counts)


def _yes_no(title: str, labels: tuple[str, str], series: Mapping[str, Values]) -> Histogram:
    counts = tuple((name, (len(one) - _ones(one), _ones(one))) for name, one in series.items())
    return Histogram(title, "examples", (), labels, counts)


def _ones(values: Values) -> int:
    return sum(value == 1 for value in values)


def _residual_accuracy(suffix: str) -> Callable[[Examples], Histogram]:
    def build(examples: Examples) -> Histogram:
        if f"residual_correct{suffix}" not in examples:
            errors = min(examples["residual_squared_error"], key=statistics.fmean)
            return _binned("squared error of the strongest adversary", "squared error", {"edited": errors})
        edited = examples[f"residual_correct{suffix}"]
        strongest = max(range(len(edited)), key=lambda index: statistics.fmean(edited[index]))
        series = {}
        if not suffix and "unedited_correct" in examples:
            series["unedited"] = max(examples["unedited_correct"], key=statistics.fmean)
        series["edited"] = edited[strongest]
        title = f"labels read by the strongest adversary, here {examples['adversary_names'][strongest]}"
        return _yes_no(title, ("read wrongly", "read correctly"), series)

    return build


def _linear_information(examples: Examples) -> Histogram:
    gained = [
        [before - after for before, after in zip(prior, loss, strict=True)]
        for prior, loss in zip(examples["prior_loss"], examples["adversary_loss"], strict=True)
    ]
    return _binned("information gained on each example", "nats", {"edited": max(gained, key=statistics.fmean)})


def _sizes(size: str, deviation: str, title: str) -> Callable[[Examples], Histogram]:
    def build(examples: Examples) -> Histogram:
        scale = statistics.fmean(examples[deviation])
        return _binned(title, "fraction of variance", {"edited": [value / scale for value in examples[size]]})

    return build


def _log_odds(suffix: str) -> Callable[[Examples], Histogram]:
    def build(examples: Examples) -> Histogram:
        series = {name: examples[f"behavior_g_{when}{suffix}"] for name, when in _WHEN.items()}
        return _binned("log-odds of the own class's answers, by prompt", "nats", series)

    return build


def _flips(suffix: str) -> Callable[[Examples], Histogram]:
    def build(examples: Examples) -> Histogram:
        series = {name: examples[f"behavior_own_{when}{suffix}"] for name, when in _WHEN.items()}
        return _yes_no("which answers a prompt prefers", ("another class's", "its own class's"), series)

    return build


def _distances(name: str, title: str) -> Callable[[Examples], Histogram]:
    return lambda examples: _binned(title, "total variation", {"edited": examples[name]})


def _damage(examples: Examples) -> Histogram:
    per_token = [d / n for d, n in zip(examples["document_damage"], examples["document_tokens"], strict=True)]
    return _binned("damage by document", "nats/token", {"edited": per_token})


def _steering(examples: Examples) -> Histogram:
    series = {name: examples[f"steering_h_{when}"] for name, when in _WHEN.items()}
    return _binned("log-odds of class 1's answers, by prompt", "nats", series)


_WHEN = {"unedited": "before", "edited": "after"}
_BUILDERS: Mapping[str, Callable[[Examples], Histogram]] = {
    "residual_accuracy": _residual_accuracy(""),
    "residual_accuracy_transfer": _residual_accuracy("_transfer"),
    "linear_information": _linear_information,
    "edit_norm": _sizes("edit_squared_size", "squared_deviation", "squared size of the edit, by example"),
    "edit_norm_off_target": _sizes(
        "document_edit_squared_size", "document_squared_deviation", "squared size of the edit, by neutral document"
    ),
    "behavior_effect": _log_odds(""),
    "behavior_effect_transfer": _log_odds("_transfer"),
    "behavior_flip_rate": _flips(""),
    "behavior_flip_rate_transfer": _flips("_transfer"),
    "behavior_tv_on_target": _distances("behavior_tv", "distance of the answers from the unedited ones, by prompt"),
    "behavior_tv_off_target": _distances("behavior_tv_neutral", "distance from the unedited text, by neutral prompt"),
    "perplexity_damage": _damage,
    "steering_effect": _steering,
}
