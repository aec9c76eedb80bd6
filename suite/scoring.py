"""All measures of one fitted cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import torch
from interpmark.methods import MethodSpec
from interpmark.reports.estimate import Estimate
from interpmark.reports.measures import MEASURES
from interpmark.reports.scorecard import Claim

from . import measures
from .claims import CLAIMS
from .fitting import Fitted
from .ground import Ground, Split
from .grounds import FixtureGround
from .stage import ConceptStage

NO_SUBJECT = "the activations are planted: no language model is involved"
NO_LABELS = "the edit sees labels, and neutral text has none"


@dataclass
class Scores:
    """Estimates by measure, per-example scores by name, and what came of the claims."""

    estimates: dict[str, Estimate] = field(default_factory=dict)
    examples: dict[str, Any] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)

    def add(self, scored: tuple[Iterable[Estimate], Mapping[str, Any]]) -> None:
        """Take over what a measure returns."""
        estimates, examples = scored
        self.estimates |= {estimate.measure: estimate for estimate in estimates}
        self.examples |= examples

    def leave_out(self, names: Iterable[str], reason: str) -> None:
        """Record why measures are not scored."""
        for name in names:
            self.estimates.setdefault(name, Estimate.not_scored(name, reason, MEASURES[name].unit))


def score_edit(method: MethodSpec, fitted: Fitted, at: FixtureGround, seed: int) -> Scores:
    """Score an edit by every measure that the fixture has."""
    scores = Scores()
    ground = at.ground
    edited = edited_splits(fitted, ground)
    scores.add(measures.residual_accuracy(edited, ground.fit, seed))
    scores.add(unedited_accuracy(at))
    scores.add(measures.edit_norm(ground.test, edited["test"], ground.fit, seed, guard=smallest_guard(at)))
    scores.add(costs(fitted))
    scores.claims = check_claims(method, fitted, ground)
    if at.stage is None:
        scores.leave_out(MEASURES, NO_SUBJECT)
        return scores
    score_behavior(scores, fitted, at.stage, at.site, seed)
    score_corpus(scores, fitted, at, at.stage, seed)
    scores.leave_out(MEASURES, "the concept has no transfer split")
    return scores


def edited_splits(fitted: Fitted, ground: Ground) -> dict[str, Split]:
    """The splits after the edit."""
    splits = {"fit": ground.fit, "probe": ground.probe, "test": ground.test, "transfer": ground.transfer}
    return {
        name: replace(split, x=fitted.edited[name]) for name, split in splits.items() if split is not None
    }


@lru_cache(maxsize=2)
def unedited_accuracy(at: FixtureGround) -> tuple[list[Estimate], Mapping[str, Any]]:
    """What the adversaries read before any edit: the same for every method on the fixture."""
    ground = at.ground
    return measures.unedited_accuracy({"fit": ground.fit, "probe": ground.probe, "test": ground.test})


@lru_cache(maxsize=2)
def smallest_guard(at: FixtureGround) -> measures.SmallestGuard:
    """The smallest affine guard: the same for every method on the fixture."""
    return measures.smallest_guard(at.ground.fit)


def costs(fitted: Fitted) -> tuple[list[Estimate], Mapping[str, Any]]:
    """What fitting and applying took."""
    peak = fitted.fit_cost.peak_mb
    return [
        Estimate.exact("fit_seconds", fitted.fit_cost.seconds),
        Estimate.exact("apply_seconds", fitted.apply_seconds),
        Estimate.not_scored("peak_memory_mb", "the system does not tell it", "MB")
        if peak is None
        else Estimate.exact("peak_memory_mb", peak),
    ], {}


def check_claims(method: MethodSpec, fitted: Fitted, ground: Ground) -> list[Claim]:
    """Whether what the method claims holds on the data that it was fitted on."""
    claims = []
    for name in sorted(method.claims):
        result = CLAIMS[name](fitted.edit, ground.fit.x, ground.fit.z)
        value = result.value if math.isfinite(result.value) else None
        claims.append(Claim(name, result.holds, value, result.tolerance, result.message))
    return claims


def score_behavior(scores: Scores, fitted: Fitted, stage: ConceptStage, site: str, seed: int) -> None:
    """Run the edited subject on the scored prompts."""
    names = [name for name in MEASURES if name.startswith("behavior") and name != "behavior_tv_off_target"]
    if stage.answers is None:
        scores.leave_out(names, stage.no_behavior)
        return
    before, after = stage.reference, stage.log_probs(site, fitted.edit)
    score = {"test": measures.behavior_change, "transfer": measures.behavior_change_transfer}
    for split, measure in score.items():
        rows = stage.scored_split(split)
        labels, groups = stage.scored_labels[rows], stage.scored_groups[rows]
        if len(groups):
            scores.add(measure(before[rows], after[rows], stage.answers, labels, groups, seed))


def score_corpus(scores: Scores, fitted: Fitted, at: FixtureGround, stage: ConceptStage, seed: int) -> None:
    """Run the edited subject on the neutral corpus."""
    names = ("edit_norm_off_target", "behavior_tv_off_target", "perplexity_damage")
    if fitted.edit.needs_labels:
        scores.leave_out(names, NO_LABELS)
        return
    neutral, documents = at.ground.neutral, at.ground.neutral_groups
    if neutral is None or documents is None:
        raise ValueError("a ground on a subject has neutral activations")
    scores.add(measures.edit_norm_off_target(neutral, fitted.edit(neutral), documents, seed))
    before, after = stage.corpus.reference, stage.corpus.run(at.site, fitted.edit)
    scores.add(measures.behavior_off_target(before.log_probs, after.log_probs, before.groups, seed))
    scores.add(measures.perplexity_damage(before.nll, after.nll, before.counts, seed))


def is_supported(method: MethodSpec, z: torch.Tensor) -> str:
    """Why the method cannot be fitted on labels such as `z`, or an empty string."""
    kind = "continuous" if z.is_floating_point() else "binary" if int(z.max()) <= 1 else "multiclass"
    allowed = method.info.supports
    return "" if kind in allowed else f"{method.name} takes {' or '.join(sorted(allowed))} labels; these are {kind}"
