"""All measures of one cell whose method edits at several sites.

The subject runs with all the edits in place. Residual accuracy is read at the fixture's site, after its own edit if
there is one. What arrives at every edited site is gathered too: it is what edit norms and claims are about.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from interpmark.methods import MethodSpec, SiteEdits
from interpmark.reports.estimate import Estimate
from interpmark.reports.measures import measures_for
from interpmark.reports.scorecard import Claim

from . import measures
from .arrivals import Arrivals
from .claims import CLAIMS, ClaimResult, guards_linearly
from .errors import ContractError
from .fitting import FittedSites
from .grounds import FixtureGround
from .measures.estimates import Scored
from .measures.inputs import numbers
from .running import content
from .scores import Scores
from .scoring import NO_LABELS, SWAP, score_behavior, score_corpus, score_others, score_swap, unedited_accuracy
from .site_runs import in_order
from .site_sizes import Floats
from .stage import ConceptStage

SEVERAL_SITES = "the edits are at several sites, and the smallest guard is an edit at one"
SEVERAL_INTERCHANGES = "the edits are at several sites, and an interchange is at one"
IN_THE_PASS = "the edits are applied while the subject runs, at several sites"


def score_site_edits(method: MethodSpec, fitted: FittedSites, at: FixtureGround, seed: int) -> Scores:
    """Score edits at several sites by every measure that applies."""
    stage = at.stage
    if stage is None:
        raise ContractError(f"{method.name} edits at several sites, which needs a subject to run")
    edits, scores = fitted.edit, Scores()
    scores.claims = _claims_and_accuracy(scores, method, edits, at, stage, seed)
    scores.add(unedited_accuracy(at))
    site_costs(scores, fitted)
    scores.leave_out(["edit_excess"], SEVERAL_SITES)
    ran = _run(edits, at, stage, seed)
    scores.include(ran)
    scores.leave_out(measures_for(method.info.kind), "the concept has no transfer split")
    return scores


def site_costs(scores: Scores, fitted: FittedSites) -> None:
    """Score what the fit took."""
    scores.add(([Estimate.exact("fit_seconds", fitted.fit_cost.seconds), _peak(fitted)], {}))
    scores.leave_out(["apply_seconds"], IN_THE_PASS)


def _peak(fitted: FittedSites) -> Estimate:
    peak = fitted.fit_cost.peak_mb
    if peak is None:
        return Estimate.not_scored("peak_memory_mb", "the system does not tell it", "MB")
    return Estimate.exact("peak_memory_mb", peak)


def _claims_and_accuracy(
    scores: Scores, method: MethodSpec, edits: SiteEdits, at: FixtureGround, stage: ConceptStage, seed: int
) -> list[Claim]:
    """Score what can be told from the activations; what arrives at the sites is large, and let go afterwards."""
    arrivals = stage.arrivals(edits, [*edits, at.site])
    require_finite(method.name, arrivals)
    ground = at.ground
    edited = {name: arrivals.split(at.site, name) for name in arrivals.splits}
    scores.add(measures.residual_accuracy(edited, ground.fit, seed))
    if "nonlinear" in at.asked:
        scores.add(measures.nonlinear_accuracy(edited, seed))
    scores.add(measures.site_edit_norms("edit_norm", squared_sizes(arrivals, "test"), ground.test.groups, seed))
    scores.examples["guard_residual_by_site"] = guard_residuals(arrivals)
    return check_site_claims(method, arrivals)


def require_finite(name: str, arrivals: Arrivals) -> None:
    """Raise a ContractError when what arrives anywhere is NaN or infinite: an earlier edit made it so."""
    for site in arrivals.sites:
        for split in arrivals.splits:
            bad = int((~arrivals.leaving(site, split).isfinite()).any(dim=-1).sum())
            if bad:
                raise ContractError(
                    f"{name}: with the edits in place, {bad} rows of {split} hold NaN or infinity at {site}; each edit "
                    "must be fitted on what the earlier ones leave, and divide by no zero variance"
                )


def squared_sizes(arrivals: Arrivals, split: str) -> dict[str, tuple[Floats, Floats]]:
    """By edited site: |x' - x|² and |x - mean|² of each row of a split, x being what arrives."""
    found = {}
    for site in in_pass(arrivals):
        x, after = arrivals.arriving(site, split).double(), arrivals.leaving(site, split).double()
        found[site] = (numbers((after - x).square().sum(1)), numbers((x - x.mean(0)).square().sum(1)))
    return found


def residual_accuracy_at(site: str, arrivals: Arrivals, seed: int = 0) -> Scored:
    """Score what adversaries read off what leaves a site, edited or not; the guard residual is against what arrives.

    Any site that the arrivals were gathered at: `stage.arrivals(edits, sites)`. A panel of adversaries is trained for
    each, so this is no part of a cell's score.
    """
    arriving = replace(arrivals.splits["fit"], x=arrivals.arriving(site, "fit").double())
    return measures.residual_accuracy({name: arrivals.split(site, name) for name in arrivals.splits}, arriving, seed)


def in_pass(arrivals: Arrivals) -> list[str]:
    """The edited sites in the order of the pass."""
    return [site for site in arrivals.sites if site in arrivals.edits]


def guard_residuals(arrivals: Arrivals) -> list[float]:
    """For each edited site, how much of the linear association with the labels is left on the fit rows."""
    z = arrivals.splits["fit"].z
    return [
        guards_linearly(arrivals.edits[site], arrivals.arriving(site, "fit"), z).value for site in in_pass(arrivals)
    ]


def check_site_claims(method: MethodSpec, arrivals: Arrivals) -> list[Claim]:
    """Whether what the method claims holds at every edited site, on what arrives there; the worst site counts.

    Checked in the precision that the subject runs in, as that is what an edit in a pass is given.
    """
    claims = []
    z = arrivals.splits["fit"].z
    for name in sorted(method.claims):
        results = {
            site: CLAIMS[name](arrivals.edits[site], arrivals.arriving(site, "fit"), z) for site in in_pass(arrivals)
        }
        site, worst = max(results.items(), key=lambda item: _severity(item[1]))
        value = worst.value if math.isfinite(worst.value) else None
        claims.append(Claim(name, worst.holds, value, worst.tolerance, f"at {site}: {worst.message}"))
    return claims


def _severity(result: ClaimResult) -> float:
    return math.inf if math.isnan(result.value) else result.value / result.tolerance


def _run(edits: SiteEdits, at: FixtureGround, stage: ConceptStage, seed: int) -> Scores:
    """Run the edited subject on the concept's prompts and the corpus, unless the same edits ran here before."""
    key = f"{'-'.join(f'{site}:{content(edits[site])}' for site in in_order(stage.subject, edits))}-{seed}"
    if key not in at.ran:
        scores = Scores()
        score_behavior(scores, edits, stage, at.site, seed)
        score_corpus(scores, edits, stage, at.site, seed)
        score_others(scores, edits, at, seed)
        if list(edits) == [at.site]:
            score_swap(scores, edits[at.site], at, seed)
        scores.leave_out(SWAP, SEVERAL_INTERCHANGES)
        positions = at.ground.neutral_groups
        if edits.needs_labels or positions is None:
            scores.leave_out(["edit_norm_off_target"], NO_LABELS)
        else:
            sizes = stage.corpus.squared_sizes(edits)
            documents = np.arange(len(stage.corpus.corpus.documents))
            scores.add(measures.site_edit_norms("edit_norm_off_target", sizes, documents, seed, n=len(positions)))
        at.ran[key] = scores
    return at.ran[key]
