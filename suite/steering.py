"""Scoring a steerer: a sweep over strengths, a choice among them, and the chosen edits on the test split.

The strengths are swept on half of the `probe` split's entities and on half of the corpus. In each direction the
strength with the largest effect counts among those that cost at most `CHOICE_DAMAGE`. The chosen edits are scored on
the `test` split and on the other half of the corpus, which had no part in the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from interpmark.methods import Edit, MethodSpec, PlacedVectors, PromptPrefix, SiteEdits, Steering
from interpmark.reports.estimate import Estimate
from interpmark.reports.measures import measures_for
from interpmark.reports.sweep import Sweep, SweepPoint

from . import measures
from .errors import ContractError
from .fitting import Fitted, FittedSites
from .ground import Ground
from .grounds import FixtureGround
from .measures.steering import DIRECTIONS, Floats
from .parts import CorpusPart, PromptPart
from .runs import CorpusRun
from .scores import Scores
from .scoring import NO_SUBJECT, check_claims, costs
from .site_scoring import check_site_claims, require_finite, site_costs
from .stage import ConceptStage

STRENGTHS = (-2.0, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 2.0)
"""Where every sweep begins, in natural sizes of the edit."""
FARTHEST = 16.0
"""A side that has not clearly cost `MATCHED[-1]` goes on by doubling, up to here."""
CHOICE_DAMAGE = 0.1
"""What a chosen strength may cost, nats per token."""
MATCHED = (0.1, 0.3)
"""The damages that methods are compared at, nats per token."""
NO_STRENGTHS = "an instruction is given or not: there is nothing between to reach a given damage with"
NOT_IN_ACTIVATIONS = "the instruction stands in the prompt, and no activation is edited"
SITES_HAVE_NO_SIZE = "the edits are at several sites, each with a stream of its own size"

Steered: TypeAlias = Steering | SiteEdits
"""What has a strength: one edit, or edits of one strength at several sites."""


@dataclass(frozen=True, eq=False)
class Track:
    """What all steerers on a fixture are swept on.

    Attributes:
        stage: The concept on the subject.
        site: Where the edits act.
        prompts: Half of the `probe` split.
        answers: The unedited answers to them.
        tried: The half of the corpus that strengths are tried on.
        kept: The other half.
        unedited: The unedited subject's scores of `tried` and `kept`.

    """

    stage: ConceptStage
    site: str
    prompts: PromptPart
    answers: measures.Answers
    tried: CorpusPart
    kept: CorpusPart
    unedited: tuple[CorpusRun, CorpusRun]


@dataclass(frozen=True, eq=False)
class Trial:
    """One strength: log-odds `[n]` of the answers after it, and each document's damage, summed over its tokens."""

    strength: float
    h: Floats
    damage: Floats


def score_steerer(method: MethodSpec, fitted: Fitted | FittedSites, at: FixtureGround, seed: int) -> Scores:
    """Score a steerer's edit by every measure that the fixture has.

    Raises:
        ContractError: The edit has no strength.

    """
    edit = with_strength(method, fitted.edit)
    scores = Scores()
    if isinstance(fitted, FittedSites):
        assert at.stage is not None  # the fit was refused without a subject
        site_costs(scores, fitted)
        arrivals = at.stage.arrivals(fitted.edit, [*fitted.edit])
        require_finite(method.name, arrivals)
        scores.claims = check_site_claims(method, arrivals)
        del arrivals  # large
    else:
        scores.add(costs(fitted))
        scores.claims = check_claims(method, fitted, at.ground)
    reason = not_swept(at)
    if reason:
        edit_sizes(scores, edit, edit, at.ground, seed)
        scores.leave_out(measures_for(method.info.kind), reason)
        return scores
    track = track_of(at)
    if isinstance(edit, PromptPrefix):
        trials = [attempt(edit.at(strength), track) for strength in (-1.0, 0.0, 1.0)]
        chosen: dict[str, float | None] = {"towards": 1.0, "away": -1.0}
        scores.leave_out([f"steering_effect_at_{level}" for level in MATCHED], NO_STRENGTHS)
    else:
        trials = sweep(edit, track, seed)
        chosen = {direction: choose(trials, track, direction) for direction in DIRECTIONS}
        matched(scores, trials, track, seed)
    scores.sweep = record(trials, track, chosen, seed)
    score_chosen(scores, edit, chosen, track, at.ground, seed)
    scores.leave_out(measures_for(method.info.kind), f"no strength in the sweep costs at most {CHOICE_DAMAGE} nats")
    return scores


def with_strength(method: MethodSpec, edit: Edit | SiteEdits) -> Steered:
    """The edit or edits that a steerer returned.

    Raises:
        ContractError: It has no strength, or they have none in common.

    """
    if isinstance(edit, Steering) or (isinstance(edit, SiteEdits) and edit.has_strength):
        return edit
    returned = type(edit).__name__ if isinstance(edit, Edit) else f"edits at {len(edit)} sites"
    raise ContractError(
        f"{method.name} is a steerer and returned {returned}, which {'has' if isinstance(edit, Edit) else 'have'} no "
        "strength; return one of interpmark.methods' steering edits, such as AddedVector, or a subclass of Steering, "
        "or {site: edit} with such edits of one strength"
    )


def not_swept(at: FixtureGround) -> str:
    """Why there is nothing to sweep on this fixture, or an empty string."""
    if at.stage is None:
        return NO_SUBJECT
    if at.stage.answers is None:
        return at.stage.no_behavior
    classes = len(at.stage.answers)
    return "" if classes == 2 else f"steering is scored between two classes, and the concept has {classes}"


@lru_cache(maxsize=2)
def track_of(at: FixtureGround) -> Track:
    """The track of a fixture: the same for every steerer on it."""
    stage = at.stage
    assert stage is not None
    assert stage.answers is not None
    rows = stage.concept.rows("probe")
    rows = rows[every_other_entity(at.ground.probe.groups, at.ground.probe.z.numpy())]
    prompts = stage.part(rows)
    unedited = measures.log_odds(prompts.log_probs(at.site), stage.answers)
    answers = measures.Answers(unedited, prompts.labels.numpy(), prompts.groups)
    halves = [range(start, len(stage.corpus.corpus.documents), 2) for start in (0, 1)]
    tried, kept = (stage.corpus.part(half) for half in halves)
    return Track(stage, at.site, prompts, answers, tried, kept, (tried.run(at.site), kept.run(at.site)))


def every_other_entity(groups: npt.NDArray[np.int64], z: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Half of the entities of each class, `[n]` bool; an entity counts to the class of its first row."""
    first = {group: z[np.flatnonzero(groups == group)[0]] for group in dict.fromkeys(groups.tolist())}
    half = {group for label in (0, 1) for group in [g for g in first if first[g] == label][::2]}
    return np.array([group in half for group in groups.tolist()])


def sweep(edit: Steered, track: Track, seed: int = 0) -> list[Trial]:
    """Try the strengths, and go on outwards on a side that has not clearly cost enough yet; by ascending strength.

    The low end of the damage's interval counts: an effect at a damage needs draws of the documents to reach it too.
    """
    trials = {strength: attempt(edit.at(strength), track) for strength in STRENGTHS}
    for strength in (min(STRENGTHS), max(STRENGTHS)):
        while abs(strength) < FARTHEST and low_end(trials[strength], track, seed) < MATCHED[-1]:
            strength *= 2
            trials[strength] = attempt(edit.at(strength), track)
    return [trials[strength] for strength in sorted(trials)]


def low_end(trial: Trial, track: Track, seed: int) -> float:
    """The low end of a trial's damage, nats per token; the damage itself where there is no interval."""
    found = cost(trial, track, seed)
    return float(trial.damage.sum() / track.unedited[0].counts.sum()) if found.low is None else found.low


def cost(trial: Trial, track: Track, seed: int) -> Estimate:
    """The damage of a trial."""
    before = track.unedited[0]
    (damage,), _ = measures.perplexity_damage(before.nll, before.nll + trial.damage, before.counts, seed)
    return damage


def attempt(edit: Steered, track: Track) -> Trial:
    """Run one strength on the half of the probe split and the half of the corpus."""
    if edit.is_still:
        return Trial(edit.strength, track.answers.h, np.zeros(len(track.tried.documents)))
    assert track.stage.answers is not None
    h = measures.log_odds(track.prompts.log_probs(track.site, edit), track.stage.answers)
    return Trial(edit.strength, h, track.tried.run(track.site, edit).nll - track.unedited[0].nll)


def choose(trials: list[Trial], track: Track, direction: str) -> float | None:
    """The strength of the largest effect in a direction among those that cost little enough; None if there is none."""
    tokens = track.unedited[0].counts.sum()
    cheap = [trial for trial in trials if trial.damage.sum() / tokens <= CHOICE_DAMAGE]
    best = max(cheap, key=lambda trial: track.answers.effect(trial.h, direction), default=None)
    return None if best is None else best.strength


def record(trials: list[Trial], track: Track, chosen: dict[str, float | None], seed: int) -> Sweep:
    """The sweep with its intervals."""
    points = []
    for trial in trials:
        (_, towards, away), _ = measures.steering_effect(track.answers, trial.h, trial.h, seed)
        points.append(SweepPoint(trial.strength, towards, away, cost(trial, track, seed)))
    return Sweep(tuple(points), chosen["towards"], chosen["away"])


def matched(scores: Scores, trials: list[Trial], track: Track, seed: int) -> None:
    """Score the effect at equal damage."""
    swept = measures.Swept(
        [trial.strength for trial in trials],
        np.stack([trial.h for trial in trials]),
        np.stack([trial.damage for trial in trials]),
        track.unedited[0].counts,
    )
    for level in MATCHED:
        name = f"steering_effect_at_{level}"
        scores.add(measures.effect_at_damage(name, level, swept, track.answers, seed))


def score_chosen(
    scores: Scores, edit: Steered, chosen: dict[str, float | None], track: Track, ground: Ground, seed: int
) -> None:
    """Score the edits at the chosen strengths on what had no part in the choice."""
    if chosen["towards"] is None or chosen["away"] is None:
        return
    stage, site = track.stage, track.site
    assert stage.answers is not None
    edits = {direction: edit.at(strength) for direction, strength in chosen.items() if strength is not None}
    rows = stage.scored_split("test")
    h = {name: measures.log_odds(log_probs_of(stage, site, one)[rows], stage.answers) for name, one in edits.items()}
    before = measures.Answers(
        measures.log_odds(stage.reference[rows], stage.answers),
        stage.scored_labels[rows].numpy(),
        stage.scored_groups[rows],
    )
    scores.add(measures.steering_effect(before, h["towards"], h["away"], seed))
    score_damage(scores, list(edits.values()), track, seed)
    edit_sizes(scores, edits["towards"], edits["away"], ground, seed)


def log_probs_of(stage: ConceptStage, site: str, edit: Steered) -> torch.Tensor:
    """The edited subject's log-probabilities at the scored prompts; the reference for an edit that does nothing."""
    return stage.reference if edit.is_still else stage.log_probs(site, edit)


def score_damage(scores: Scores, edits: Sequence[Steered], track: Track, seed: int) -> None:
    """Score the kept half of the corpus, as the mean over the edits."""
    before = track.unedited[1]
    runs = [before if edit.is_still else track.kept.run(track.site, edit) for edit in edits]
    nll = np.mean([run.nll for run in runs], axis=0)
    scores.add(measures.perplexity_damage(before.nll, nll, before.counts, seed))
    scores.add(
        measures.behavior_off_target(
            torch.cat([before.log_probs] * len(runs)),
            torch.cat([run.log_probs for run in runs]),
            np.concatenate([before.groups] * len(runs)),
            seed,
        )
    )


def edit_sizes(scores: Scores, towards: Steered, away: Steered, ground: Ground, seed: int) -> None:
    """Score how large the edits are, each on its class's test activations and both on neutral text."""
    sizes = ["edit_norm", "edit_norm_off_target"]
    if isinstance(towards, SiteEdits) or isinstance(away, SiteEdits):
        scores.leave_out(sizes, SITES_HAVE_NO_SIZE)
        return
    if isinstance(towards, PromptPrefix):
        scores.leave_out(sizes, NOT_IN_ACTIVATIONS)
        return
    if isinstance(towards, PlacedVectors):
        scores.leave_out(sizes, "the edit touches a prompt's first tokens, not the slot")
        return
    test = ground.test
    edited = torch.where((test.z == 0)[:, None], towards(test.x), away(test.x))
    scores.add(measures.edit_size(test.x, edited, test.groups, seed))
    if ground.neutral is not None and ground.neutral_groups is not None:
        both = torch.cat([towards(ground.neutral), away(ground.neutral)])
        neutral, documents = torch.cat([ground.neutral] * 2), np.concatenate([ground.neutral_groups] * 2)
        scores.add(measures.edit_norm_off_target(neutral, both, documents, seed))
