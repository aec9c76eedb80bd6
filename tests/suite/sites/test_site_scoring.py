"""Edits at several sites are scored by every measure that applies, and by one site's rules where there is one site."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch

from interpmark.methods import (
    AffineEdit,
    ConstantEdit,
    Edit,
    EditError,
    IdentityEdit,
    OracleEdit,
    SiteEdits,
    get_method,
    register,
    registry,
)
from interpmark.methods.spec import MethodSpec
from interpmark.suite.costs import Cost
from interpmark.suite.engine import score_fitted
from interpmark.suite.errors import ContractError
from interpmark.suite.fitting import FittedSites, Fitter
from interpmark.suite.scores import Scores
from interpmark.suite.scoring import score_edit
from interpmark.suite.site_scoring import residual_accuracy_at, score_site_edits
from interpmark.suite.stage import ConceptStage
from interpmark.suite.texts import add_samples

Ready = Callable[..., Any]
SITE = "resid_post.2"


@pytest.fixture
def returning() -> Any:
    """A registered method whose `fit_on` returns what is given; the registry is as before afterwards."""
    before = dict(registry.registered())

    def make(result: Any, claims: frozenset[str] = frozenset()) -> MethodSpec:
        class Returning:
            def fit_on(self, bench: Any, *, seed: int) -> Any:
                return result() if callable(result) and not isinstance(result, Edit | Mapping) else result

        register("returning", kind="eraser", claims=claims)(Returning)
        return get_method("returning")

    yield make
    registry.restore(before)


def score(method: MethodSpec, stage: ConceptStage, ready: Ready) -> Scores:
    at, bench = ready(stage, SITE)
    fitted = Fitter(600).fit(method, at.ground, 0, bench)
    if isinstance(fitted, FittedSites):
        return score_site_edits(method, fitted, at, 0)
    return score_edit(method, fitted, at, 0)


def test_scrubbing_is_scored_by_all_that_applies(stage: ConceptStage, ready: Ready, replayed: Any) -> None:
    scores = score(get_method("concept-scrubbing"), stage, ready)
    values = {name: estimate.value for name, estimate in scores.estimates.items() if estimate.status == "ok"}
    assert values.keys() >= {
        "residual_accuracy",
        "unedited_accuracy",
        "edit_norm",
        "edit_norm_off_target",
        "behavior_tv_on_target",
        "behavior_tv_off_target",
        "perplexity_damage",
        "fit_seconds",
    }
    reasons = {name: e.reason for name, e in scores.estimates.items() if e.status == "not scored"}
    assert "an edit at one" in reasons["edit_excess"]
    assert "while the subject runs" in reasons["apply_seconds"]
    assert {claim.name: claim.holds for claim in scores.claims} == dict.fromkeys(
        ("affine", "guards-linearly", "idempotent", "mean-preserving", "minimal-edit"), True
    )
    assert scores.examples["edited_sites"] == [f"{s}_in.{k}" for k in range(4) for s in ("attn", "mlp")]
    assert max(scores.examples["guard_residual_by_site"]) < 1e-4
    assert len(scores.examples["edit_norm_by_site"]) == len(scores.examples["edit_norm_off_target_by_site"]) == 8
    assert np.isclose(values["edit_norm"], np.mean(scores.examples["edit_norm_by_site"]))
    again = replayed(scores.estimates.values(), scores.examples)
    assert again >= {"residual_accuracy", "edit_norm", "edit_norm_off_target", "behavior_tv_on_target"}


def test_every_site_can_be_measured_again(stage: ConceptStage, ready: Ready) -> None:
    _, bench = ready(stage)
    edits = get_method("scrub-residual").build().fit_on(bench, seed=0)
    arrivals = stage.arrivals(edits, [*edits, "attn_in.3"])
    assert arrivals.sites == ("resid_post.0", "resid_post.1", "resid_post.2", "attn_in.3", "resid_post.3")
    residuals = {}
    for site in arrivals.sites:
        estimates = {estimate.measure: estimate for estimate in residual_accuracy_at(site, arrivals)[0]}
        assert 0.2 < (estimates["residual_accuracy"].value or 0) <= 1
        residuals[site] = estimates["guard_residual"].value
    assert residuals.pop("attn_in.3") == 1.0, "nothing is edited there"
    assert all(value is not None and value < 1e-4 for value in residuals.values()), residuals


def test_a_false_claim_at_one_site_is_found(stage: ConceptStage, ready: Ready, returning: Any) -> None:
    _, bench = ready(stage)
    edits = dict(get_method("scrub-residual").build().fit_on(bench, seed=0))
    edits["resid_post.1"] = IdentityEdit(24)
    scores = score(returning(edits, frozenset({"guards-linearly", "affine"})), stage, ready)
    assert {claim.name: claim.holds for claim in scores.claims} == {"guards-linearly": False, "affine": True}
    assert "at resid_post.1:" in next(c.message for c in scores.claims if c.name == "guards-linearly")


def test_one_site_scores_as_a_single_edit_does(stage: ConceptStage, ready: Ready, returning: Any) -> None:
    at, _ = ready(stage)
    edit = get_method("leace").build().fit(at.ground.fit.x, at.ground.fit.z, seed=0)
    single = score(returning(edit), stage, ready)
    several = score(returning({SITE: edit}), stage, ready)
    for name, estimate in single.estimates.items():
        if name in {"edit_excess", "fit_seconds", "apply_seconds", "peak_memory_mb", "guard_residual"}:
            continue
        other = several.estimates[name]
        assert (estimate.status, estimate.n) == (other.status, other.n), name
        if estimate.value is not None:
            found = (other.value, other.low, other.high)
            expected = (estimate.value, estimate.low, estimate.high)
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5, err_msg=name)


def test_edits_that_see_labels_run_where_there_are_labels(stage: ConceptStage, ready: Ready, returning: Any) -> None:
    at, _ = ready(stage)
    oracle = get_method("oracle-leace").build().fit(at.ground.fit.x, at.ground.fit.z, seed=0)
    assert isinstance(oracle, OracleEdit)
    scores = score(returning({SITE: oracle, "resid_post.0": IdentityEdit(24)}), stage, ready)
    assert scores.estimates["guard_residual"].value is not None
    assert scores.estimates["guard_residual"].value < 1e-4
    assert scores.estimates["edit_norm"].status == "ok"
    for name in ("edit_norm_off_target", "perplexity_damage", "behavior_tv_off_target"):
        assert "labels" in (scores.estimates[name].reason or ""), name


def test_a_site_where_everything_is_equal_has_no_edit_norm(stage: ConceptStage, ready: Ready, returning: Any) -> None:
    flat = ConstantEdit(torch.ones(24))
    scores = score(returning({"resid_post.1": flat, "resid_post.2": flat, "resid_pre.2": flat}), stage, ready)
    assert "equal in all rows" in (scores.estimates["edit_norm"].reason or "")


@pytest.mark.parametrize(
    ("result", "error", "told"),
    [
        ({}, EditError, "returns an IdentityEdit"),
        ({"resid_post.9": IdentityEdit(24)}, ContractError, "where there is no site: .*no block 9"),
        ({"resid_post.1": IdentityEdit(23)}, ContractError, "returned edits of size 23"),
        ({"resid_post.1": 7}, EditError, "int is no Edit"),
        (lambda: {"resid_post.1": ConstantEdit(torch.randn(24))}, ContractError, "not deterministic"),
        (
            {
                "resid_post.0": AffineEdit(torch.eye(24), -1e30 * torch.eye(24)),
                "resid_post.1": AffineEdit(torch.eye(24), -1e30 * torch.eye(24)),
            },
            ContractError,
            "hold NaN or infinity at",
        ),
    ],
    ids=["empty", "no such site", "another size", "no edit", "not deterministic", "infinite"],
)
def test_what_breaks_the_contract(
    result: Any, error: type[Exception], told: str, stage: ConceptStage, ready: Ready, returning: Any
) -> None:
    with pytest.raises(error, match=told):
        score(returning(result), stage, ready)


def test_several_sites_need_fit_on(stage: ConceptStage, ready: Ready) -> None:
    before = dict(registry.registered())

    class OnActivations:
        def fit(self, x: Any, z: Any, *, seed: int) -> Any:
            return SiteEdits({"resid_post.1": IdentityEdit(24)})

    register("on-activations", kind="eraser")(OnActivations)
    try:
        with pytest.raises(ContractError, match="define fit_on"):
            score(get_method("on-activations"), stage, ready)
    finally:
        registry.restore(before)


class AtTheEnd(ConstantEdit):
    """A constant at the last token of a prompt."""

    @property
    def scope(self) -> str:
        return "last"


class AtThePlace(ConstantEdit):
    """Adds a token's place in its text."""

    def at_places(self, x: torch.Tensor, place: torch.Tensor, z: torch.Tensor | None = None) -> torch.Tensor:
        return x + place[..., None].to(x.dtype)


@pytest.mark.parametrize("edit", [AtTheEnd(torch.ones(24)), AtThePlace(torch.ones(24))], ids=["scope", "places"])
def test_scope_and_places_hold_at_every_site(edit: Edit, stage: ConceptStage) -> None:
    single, several = stage.log_probs(SITE, edit), stage.log_probs(SITE, SiteEdits({SITE: edit}))
    torch.testing.assert_close(several, single, rtol=1e-5, atol=1e-5)
    runs = [stage.corpus.run(SITE, one).nll for one in (edit, SiteEdits({SITE: edit}))]
    np.testing.assert_allclose(runs[1], runs[0], rtol=1e-5)


def test_a_steerer_gives_edits_with_a_strength(stage: ConceptStage, ready: Ready) -> None:
    at, _ = ready(stage)
    fitted = FittedSites(SiteEdits({SITE: IdentityEdit(24)}), Cost(0.0, None))
    with pytest.raises(ContractError, match="returned edits at 1 sites, which have no strength"):
        score_fitted(get_method("caa"), fitted, at, 0)


def test_samples_are_drawn_with_all_edits_in_place(stage: ConceptStage) -> None:
    nothing = SiteEdits({"attn_in.1": IdentityEdit(24), SITE: IdentityEdit(24)})
    same, other = Scores(), Scores()
    add_samples(same, stage, nothing, 1, seed=0)
    assert same.samples[0].edited == same.samples[0].unedited
    add_samples(other, stage, SiteEdits({**nothing, SITE: ConstantEdit(torch.arange(24.0))}), 1, seed=0)
    assert other.samples[0].edited != other.samples[0].unedited


def test_equal_edits_are_sampled_once(stage: ConceptStage) -> None:
    """Two forms of one map, as two methods may find them."""
    torch.manual_seed(0)
    direction = torch.randn(24, 1, dtype=torch.float64)
    edits = [AffineEdit(read=a * direction, write=b * direction) for a, b in ((1, 1 / 24), (2, 1 / 48), (1, 1))]
    passes: list[int] = []
    handle = stage.subject.model.register_forward_hook(lambda *_: passes.append(1))
    found = []
    for edit in edits:
        scores = Scores()
        before = len(passes)
        add_samples(scores, stage, {SITE: edit}, 1, seed=0)
        found.append((scores.samples, len(passes) - before))
    handle.remove()
    (first, some), (second, none), (_, others) = found
    assert first == second
    assert some > 0
    assert none == 0
    assert others > 0, "another edit is run"
