"""Health: whether a subject shows enough of a concept, unedited, for methods to be scored there.

It costs no forward pass: the activations and the unedited subject's log-probabilities are those that cells are scored
with. An accuracy below its floor leaves a cell nothing to score; a behavior below its floor leaves out the measures of
behavior on the concept's prompts.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from interpmark.fixtures import floors_of
from interpmark.methods import IdentityEdit
from interpmark.reports.estimate import Estimate
from interpmark.reports.intervals import clustered_mean

from .grounds import FixtureGround
from .measures.estimates import estimate
from .scores import Scores
from .scoring import score_behavior, unedited_accuracy
from .stage import ConceptStage

_BEHAVIORAL = ("behavior_", "steering_effect")
# What stands without a behavior: the measure of it before any edit, and what an edit does to other texts.
_STANDING = frozenset({"behavior_unedited", "behavior_tv_off_target"})


def readability(at: FixtureGround) -> tuple[Estimate, Estimate]:
    """The unedited accuracy on `test`, and the majority rate (0 for continuous labels)."""
    accuracy, majority = unedited_accuracy(at)[0]
    return accuracy, majority


def unreadable(at: FixtureGround) -> str:
    """Why no cell of the fixture is scored: the concept is not clearly readable before any edit. Empty if it is."""
    if at.stage is None:
        return ""
    if at.stage.concept.chat and not at.stage.subject.chats:
        return f"the concept is of what users say, and the tokenizer of {at.stage.subject.name} has no chat template"
    if weak := weak_class(at.stage, at.site):
        return weak
    accuracy, majority = readability(at)
    if accuracy.low is None or majority.value is None:
        return f"the unedited accuracy is not known: {accuracy.reason}"
    margin = floors_of(at.stage.concept.name).accuracy_margin
    floor = majority.value + margin
    if accuracy.low >= floor:
        return ""
    return (
        f"there is too little to erase: unedited accuracy {ends(accuracy)} does not clear {floor:.2f} "
        f"(majority rate {majority.value:.2f} + {margin:g})"
    )


@lru_cache(maxsize=2)
def _unedited(stage: ConceptStage, site: str) -> Scores:
    """What the identity is scored with, at any site."""
    scores = Scores()
    score_behavior(scores, IdentityEdit(stage.subject.d_model), stage, site, 0)
    return scores


def unedited_behavior(stage: ConceptStage, site: str) -> Estimate:
    """Mean g on `test` before any edit, in nats."""
    return _unedited(stage, site).estimates["behavior_unedited"]


def weak_class(stage: ConceptStage, site: str) -> str:
    """Why a concept that is nothing but a behavior is not scored: one class's prompts do not clearly bring it about.

    Empty where they do, and for concepts whose floors do not ask for it.
    """
    floor = floors_of(stage.concept.name).each_class
    if floor is None:
        return ""
    if stage.answers is None:
        return stage.no_behavior
    g = np.array(_unedited(stage, site).examples["behavior_g_before"])
    rows = stage.scored_split("test")
    for label, name in enumerate(stage.concept.classes):
        own = stage.scored_labels[rows].numpy() == label
        found = estimate(
            "behavior_unedited", partial(clustered_mean, g[own], stage.scored_groups[rows][own]), int(own.sum())
        )
        if found.low is None or found.low < floor:
            return (
                f"the subject does not do what the concept is about: mean g of {name} prompts before the edit "
                f"{ends(found)} nats does not clear {floor:g}"
            )
    return ""


def unused(stage: ConceptStage, site: str) -> str:
    """Why the behavior is not scored: the subject does not clearly use the concept before any edit. Empty if so."""
    found = unedited_behavior(stage, site)
    if found.low is None:
        return found.reason
    if weak := weak_class(stage, site):
        return weak
    floor = floors_of(stage.concept.name).log_odds
    if found.low >= floor:
        return ""
    return f"there is too little behavior to change: mean g before the edit {ends(found)} nats does not clear {floor:g}"


def withhold_behavior(scores: Scores, at: FixtureGround) -> None:
    """Take back what was scored of a behavior that the unedited subject hardly shows."""
    reason = "" if at.stage is None else unused(at.stage, at.site)
    if not reason:
        return
    scores.sweep = None
    for name, scored in scores.estimates.items():
        if name.startswith(_BEHAVIORAL) and name not in _STANDING and scored.status == "ok":
            scores.estimates[name] = Estimate.not_scored(name, reason)


def ends(estimate: Estimate) -> str:
    """An estimate as text, `0.97 [0.95, 1.00]`; a dash where it is not scored."""
    return "–" if estimate.value is None else f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"
