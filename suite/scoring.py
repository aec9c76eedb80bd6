"""All measures of one fitted cell."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np

from interpmark.fixtures import ONE_AGAINST_REST
from interpmark.methods import Edit, FitError, IdentityEdit, MethodSpec, SiteEdits
from interpmark.reports.estimate import Estimate
from interpmark.reports.measures import measures_for
from interpmark.reports.scorecard import Claim

from . import measures
from .claims import CLAIMS
from .fact_stage import FactStage
from .fitting import Fitted
from .ground import Ground, Split
from .grounds import FixtureGround
from .interchange import interchange_of
from .running import content, running_form
from .scores import Scores
from .stage import ConceptStage

UNEDITED_SEED = 0
"""Draws the strengths of the adversaries of the unedited activations, which have no seed of a method's."""

NO_SUBJECT = "the activations are given: no language model is involved"
NO_LABELS = "the edit sees labels, and neutral text has none"
NO_FACT_CLASSES = "each fact has a right answer of its own, and there are no classes of prompts"
NO_FACT_SITES = "facts are run with an edit at one site"
NO_FACT_LABELS = "the edit sees labels, and a prompt that asks for a fact has none"

BY_GROUP = ("behavior_effect_lowest_class", "behavior_effect_highest_class", "behavior_worst_template")
SWAP = ("behavior_swap_success", "behavior_swap_unedited")


def score_edit(method: MethodSpec, fitted: Fitted, at: FixtureGround, seed: int) -> Scores:
    """Score an edit by every measure that the fixture has."""
    scores = Scores()
    ground = at.ground
    edited = edited_splits(fitted, ground)
    with _trained(fitted.edit, edited, at, seed) as readers:
        change = score_change(method, fitted, edited["test"], at, seed)
    scores.add(measures.residual_accuracy(edited, ground.fit, seed, readers()))
    scores.add(unedited_accuracy(at))
    if "nonlinear" in at.asked:
        scores.add(measures.nonlinear_accuracy(edited, seed))
    scores.include(change)
    if at.stage is None:
        scores.leave_out(measures_for(method.info.kind), NO_SUBJECT)
        return scores
    scores.include(run_edit(running_form(fitted.edit, at.stage.subject.dtype), at, at.stage, seed))
    scores.leave_out(measures_for(method.info.kind), "the concept has no transfer split")
    return scores


def score_change(method: MethodSpec, fitted: Fitted, edited_test: Split, at: FixtureGround, seed: int) -> Scores:
    """Score what the edit does to activations: how far it moves them, at what cost, and what it claims of itself."""
    scores = Scores()
    ground = at.ground
    scores.add(measures.edit_norm(ground.test, edited_test, ground.fit, seed, guard=smallest_guard(at)))
    scores.add(costs(fitted))
    scores.claims = check_claims(method, fitted, ground)
    if at.stage is not None:
        off_target(scores, fitted.edit, ground, seed)
    return scores


def _trained(
    edit: Edit, edited: Mapping[str, Split], at: FixtureGround, seed: int
) -> AbstractContextManager[Callable[[], measures.Readers]]:
    """The adversaries, trained on other threads while the block runs, or those of the unedited activations."""
    if isinstance(edit, IdentityEdit) and seed == UNEDITED_SEED:
        return nullcontext(partial(unedited_readers, at))
    return measures.training(edited, seed)


def edited_splits(fitted: Fitted, ground: Ground) -> dict[str, Split]:
    """The splits after the edit."""
    return {name: replace(split, x=fitted.edited[name]) for name, split in _unedited(ground).items()}


@lru_cache(maxsize=2)
def unedited_accuracy(at: FixtureGround) -> tuple[list[Estimate], Mapping[str, Any]]:
    """What the adversaries read before any edit: the same for every method on the fixture."""
    return measures.unedited_accuracy(_unedited(at.ground), UNEDITED_SEED, unedited_readers(at))


@lru_cache(maxsize=2)
def unedited_readers(at: FixtureGround) -> measures.Readers:
    """The adversaries of the unedited activations, which those of an edit that changes nothing are too."""
    return measures.train_readers(_unedited(at.ground), UNEDITED_SEED)


def _unedited(ground: Ground) -> dict[str, Split]:
    splits = {"fit": ground.fit, "probe": ground.probe, "test": ground.test, "transfer": ground.transfer}
    return {name: split for name, split in splits.items() if split is not None}


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


def off_target(scores: Scores, edit: Edit, ground: Ground, seed: int) -> None:
    """How large the edit is on neutral text."""
    if edit.needs_labels or ground.neutral is None or ground.neutral_groups is None:
        scores.leave_out(["edit_norm_off_target"], NO_LABELS)
        return
    edited = edit(ground.neutral)
    scores.add(measures.edit_norm_off_target(ground.neutral, edited, ground.neutral_groups, seed))


def run_edit(edit: Edit, at: FixtureGround, stage: ConceptStage, seed: int) -> Scores:
    """Run the edited subject on the concept's prompts and the corpus, unless the same edit ran here before."""
    key = f"{content(edit)}-{seed}"
    if key not in at.ran:
        scores = Scores()
        score_behavior(scores, edit, stage, at.site, seed)
        score_corpus(scores, edit, stage, at.site, seed)
        score_swap(scores, edit, at, seed)
        score_others(scores, edit, at, seed)
        at.ran[key] = scores
    return at.ran[key]


def score_behavior(scores: Scores, edit: Edit | SiteEdits, stage: ConceptStage, site: str, seed: int) -> None:
    """Score the subject's answers to the concept's prompts, before and after."""
    if stage.facts is not None:
        score_facts(scores, edit, stage.facts, site, seed)
        return
    if stage.answers is None:
        names = [
            name for name in measures_for("eraser") if name.startswith("behavior") and name != "behavior_tv_off_target"
        ]
        scores.leave_out(names, stage.no_behavior)
        return
    before, after = stage.reference, stage.log_probs(site, edit)
    score = {"test": measures.behavior_change, "transfer": measures.behavior_change_transfer}
    for split, measure in score.items():
        rows = stage.scored_split(split)
        labels, groups = stage.scored_labels[rows], stage.scored_groups[rows]
        if len(groups):
            offsets = None
            if stage.centred:
                offsets = measures.class_offsets(before[rows], stage.answers, labels, stage.scored_templates[rows])
            scores.add(measure(before[rows], after[rows], stage.answers, labels, groups, seed, offsets))
    score_groups(scores, stage, seed)


def score_groups(scores: Scores, stage: ConceptStage, seed: int) -> None:
    """Score each class and each template of the test prompts by itself, from the log-odds that are there."""
    rows = stage.scored_split("test")
    before, after = (np.array(scores.examples[f"behavior_g_{when}"]) for when in ("before", "after"))
    labels, groups = stage.scored_labels[rows].numpy(), stage.scored_groups[rows]
    names = stage.concept.classes or ()
    scores.add(measures.class_effects(before, after, labels, groups, names, seed))
    scores.add(measures.template_effects(before, after, stage.scored_templates[rows], groups, seed))


def score_swap(scores: Scores, edit: Edit, at: FixtureGround, seed: int) -> None:
    """Score the answers after each of a pair of prompts got what the edit takes out of the other."""
    if at.stage is None or at.stage.facts is not None or at.stage.answers is None:
        return  # it is told why with the behavior
    if edit.needs_labels:
        scores.leave_out(SWAP, "the edit takes out what the label says, and nothing of the activation")
        return
    try:
        pairs = interchange_of(at)
    except FitError as error:
        scores.leave_out(SWAP, str(error))
        return
    after = pairs.class_scores(pairs.swapped(edit)) if not isinstance(edit, IdentityEdit) else pairs.unedited
    scores.add(measures.swap_success(pairs.unedited, after, pairs.wanted, pairs.groups, seed))


def score_others(scores: Scores, edit: Edit | SiteEdits, at: FixtureGround, seed: int) -> None:
    """Score the answers to the prompts of the run's other concepts, when the run asks for it."""
    if "cross" not in at.asked:
        return
    if edit.needs_labels:
        scores.leave_out(["side_effect_largest"], "the edit sees labels, and other concepts' prompts have others")
        return
    found = [other.scored(edit, at.site) for other in at.others]
    scores.add(measures.side_effects(found, seed))


def score_facts(scores: Scores, edit: Edit | SiteEdits, facts: FactStage, site: str, seed: int) -> None:
    """Score how likely the subject finds right and wrong facts, before and after."""
    scores.leave_out((*BY_GROUP, *SWAP), NO_FACT_CLASSES)
    reason = NO_FACT_LABELS if edit.needs_labels else NO_FACT_SITES
    if edit.needs_labels or isinstance(edit, SiteEdits):
        scores.leave_out(("behavior_effect", "behavior_flip_rate", "behavior_tv_on_target"), reason)
        return
    before, after = facts.reference, facts.log_probs(site, edit)
    scores.add(measures.facts_change(before, after, facts.right, facts.wrong, facts.groups, seed))


def score_corpus(scores: Scores, edit: Edit | SiteEdits, stage: ConceptStage, site: str, seed: int) -> None:
    """Score the subject on neutral text, before and after."""
    if edit.needs_labels:
        scores.leave_out(("behavior_tv_off_target", "perplexity_damage"), NO_LABELS)
        return
    before, after = stage.corpus.reference, stage.corpus.run(site, edit)
    scores.add(measures.behavior_off_target(before.log_probs, after.log_probs, before.groups, seed))
    scores.add(measures.perplexity_damage(before.nll, after.nll, before.counts, seed))


def why_not(method: MethodSpec, at: FixtureGround) -> str:
    """Why the method cannot be fitted on the fixture, or an empty string."""
    if method.info.needs_bench and at.stage is None:
        return f"{method.name} is fitted with fit_on(bench), which needs a subject; {NO_SUBJECT}"
    if at.stage is not None and at.stage.answers is None and getattr(method.info.cls, "needs_answers", False):
        return f"{method.name} is fitted on the subject's answers, but {at.stage.no_behavior}"
    if at.stage is not None and not at.stage.instructions and getattr(method.info.cls, "needs_instructions", False):
        return (
            f"{method.name} needs an instruction towards each class, and the concept {at.stage.concept.name} has none"
        )
    z = at.ground.fit.z
    kind = "continuous" if z.is_floating_point() else "binary" if int(z.max()) <= 1 else "multiclass"
    allowed = method.info.supports
    if kind in allowed:
        return ""
    reason = f"{method.name} takes {' or '.join(sorted(allowed))} labels; these are {kind}"
    name = "" if at.stage is None else at.stage.concept.name
    rest = [one for one, (whole, _) in ONE_AGAINST_REST.items() if whole == name]
    return reason + (f". Each class against the rest is a fixture of its own: {', '.join(rest)}" if rest else "")
