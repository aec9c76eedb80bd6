"""Scores as properties of the tests that are about them, for JUnit XML and whatever else reads reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interpmark.reports.scorecard import Scorecard

# Which measures a test is about, by how their names begin; the first test counts.
_ABOUT = {
    "test_residual_accuracy": ("residual_", "unedited_", "majority_", "linear_", "guard_"),
    "test_perplexity_damage": ("perplexity_", "behavior_tv_off_target"),
    "test_behavior_change": ("behavior_",),
    "test_steering_effect": ("steering_",),
}
# Every cell has this test; it takes the measures that no other is about.
_OTHERS = "test_edit_norm"


def score_properties(test: str, card: Scorecard) -> Iterator[tuple[str, float]]:
    """Yield (measure, value), (measure.low, low), (measure.high, high) for what a test of that name is about."""
    for estimate in card.estimates:
        if estimate.value is None or estimate.low is None or estimate.high is None:
            continue
        about = [name for name, beginnings in _ABOUT.items() if estimate.measure.startswith(beginnings)]
        if test == (about[0] if about else _OTHERS):
            yield estimate.measure, estimate.value
            yield f"{estimate.measure}.low", estimate.low
            yield f"{estimate.measure}.high", estimate.high
