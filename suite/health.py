"""Health: whether a subject shows enough of a concept, unedited, for methods to be scored there.

It costs no forward pass: the activations and the unedited subject's log-probabilities are those that cells are scored
with. An accuracy below its floor leaves a cell nothing to score; a behavior below its floor leaves out the measures of
behavior on the concept's prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from interpmark.fixtures import floors_of
from interpmark.reports.estimate import Estimate
from interpmark.reports.intervals import Interval, clustered_mean

from . import measures
from .grounds import FixtureGround
from .stage import ConceptStage


@lru_cache(maxsize=2)
def unedited_accuracy(at: FixtureGround) -> tuple[list[Estimate], Mapping[str, Any]]:
    """What the adversaries read before any edit, and the majority rate: the same for every method on the fixture."""
    ground = at.ground
    return measures.unedited_accuracy({"fit": ground.fit, "probe": ground.probe, "test": ground.test})


def readability(at: FixtureGround) -> tuple[Estimate, Estimate]:
    """The unedited accuracy on `test`, and the majority rate (0 for continuous labels)."""
    accuracy, majority = unedited_accuracy(at)[0]
    return accuracy, majority


def unreadable(at: FixtureGround) -> str:
    """Why no cell of the fixture is scored: the concept is not clearly readable before any edit. Empty if it is."""
    if at.stage is None:
        return ""
    accuracy, majority = readability(at)
    if accuracy.value is None or accuracy.low is None or accuracy.high is None or majority.value is None:
        return f"the unedited accuracy is not known: {accuracy.reason}"
    margin = floors_of(at.stage.concept.name).accuracy_margin
    floor = majority.value + margin
    if accuracy.low >= floor:
        return ""
    return (
        f"there is too little to erase: unedited accuracy {ends(Interval(accuracy.value, accuracy.low, accuracy.high))}"
        f" does not clear {floor:.2f} (majority rate {majority.value:.2f} + {margin:g})"
    )


def log_odds(stage: ConceptStage) -> Interval:
    """Mean g on `test` before any edit, in nats.

    Raises:
        ValueError: The concept has no behavior on this subject, or its `test` split allows no interval.

    """
    if stage.answers is None:
        raise ValueError(stage.no_behavior)
    rows = stage.scored_split("test")
    g, _ = measures.preference(stage.reference[rows], stage.answers, stage.scored_labels[rows])
    return clustered_mean(g, stage.scored_groups[rows])


def unused(stage: ConceptStage) -> str:
    """Why the behavior is not scored: the subject does not clearly use the concept before any edit. Empty if so."""
    try:
        found = log_odds(stage)
    except ValueError as error:
        return str(error)
    floor = floors_of(stage.concept.name).log_odds
    if found.low >= floor:
        return ""
    return f"there is too little behavior to change: mean g before the edit {ends(found)} nats does not clear {floor:g}"


def ends(interval: Interval) -> str:
    """An interval as text: `0.97 [0.95, 1.00]`."""
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
