"""Scrubbing: a second pass with plain hooks finds no covariance at any edited site, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import pytest
import torch

from interpmark.fixtures.subjects import SiteError, Subject
from interpmark.methods import AffineEdit, FitError, IdentityEdit, SiteEdits, get_method
from interpmark.suite.errors import ContractError
from interpmark.suite.stage import ConceptStage

Ready = Callable[..., Any]


def module_of(subject: Subject, site: str) -> torch.nn.Module:
    """Where a site's stream comes out in a Llama: written apart from the package's own discovery."""
    stream, _, block = site.partition(".")
    member = {"attn_in": ".input_layernorm", "mlp_in": ".post_attention_layernorm", "resid_post": ""}[stream]
    return subject.model.get_submodule(f"model.layers.{block}{member}")


@contextmanager
def hooked(subject: Subject, edits: SiteEdits, seen: dict[str, list[torch.Tensor]]) -> Iterator[None]:
    """Edit all but the first position by plain hooks, and keep what leaves each site at the last position."""

    def hook(site: str) -> Callable[..., torch.Tensor]:
        def edit(module: Any, args: Any, output: torch.Tensor) -> torch.Tensor:
            after = torch.cat([output[:, :1], edits[site](output[:, 1:])], dim=1)
            seen.setdefault(site, []).append(after[0, -1].double())
            return after

        return edit

    with ExitStack() as hooks:
        for site in edits:
            hooks.callback(module_of(subject, site).register_forward_hook(hook(site)).remove)
        yield


def covariance(x: torch.Tensor, z: torch.Tensor) -> float:
    return float((x[z == 1].mean(0) - x[z == 0].mean(0)).norm() / (x - x.mean(0)).norm(dim=1).mean())


def second_pass(stage: ConceptStage, edits: SiteEdits) -> tuple[dict[str, float], torch.Tensor]:
    """One fit prompt at a time through the hooked model: covariance at each site, and the last logits."""
    concept, subject = stage.concept, stage.subject
    rows = concept.rows("fit")
    seen: dict[str, list[torch.Tensor]] = {}
    with hooked(subject, edits, seen), torch.no_grad():
        tokens = subject.encode([concept.texts[row] for row in rows])
        logits = [subject.model(torch.tensor([ids])).logits[0, -1] for ids in tokens]
    z = torch.as_tensor(concept.labels[rows])
    return {site: covariance(torch.stack(x), z) for site, x in seen.items()}, torch.stack(logits)


@pytest.mark.parametrize(
    "method",
    ["concept-scrubbing", "concept-scrubbing(shrinkage=True)", "scrub-residual", "scrub-residual(shrinkage=True)"],
)
def test_a_second_pass_finds_no_covariance_at_any_edited_site(
    method: str, tiny: Subject, stage: ConceptStage, ready: Ready
) -> None:
    _, bench = ready(stage)
    edits = get_method(method).build().fit_on(bench, seed=0)
    streams = ("attn_in", "mlp_in") if method.startswith("concept") else ("resid_post",)
    assert list(edits) == [site for site in tiny.sites() if site.partition(".")[0] in streams]
    left, _ = second_pass(stage, edits)
    assert max(left.values()) < 1e-5, left
    untouched, _ = second_pass(stage, SiteEdits({site: IdentityEdit(24) for site in edits}))
    # What the last token itself is given first is the same in both classes: templates are balanced.
    assert min(value for site, value in untouched.items() if site != "attn_in.0") > 1e-2, untouched


def test_edits_fitted_on_the_unedited_stream_do_not_guard(stage: ConceptStage, ready: Ready) -> None:
    """The mistake that the sequential fit is there for."""
    _, bench = ready(stage)
    sites = [site for site in stage.subject.sites() if site.startswith(("attn_in", "mlp_in"))]
    leace = get_method("leace").build()
    clean = SiteEdits({site: leace.fit(bench.activations(site), bench.split.z, seed=0) for site in sites})
    left, _ = second_pass(stage, clean)
    assert left["mlp_in.3"] > 1e-2, left


@pytest.mark.parametrize(
    "method",
    ["concept-scrubbing", "concept-scrubbing(kind=random)", "concept-scrubbing(kind=random-matched)", "scrub-residual"],
)
def test_the_suites_pass_is_the_hooked_pass(method: str, stage: ConceptStage, ready: Ready) -> None:
    at, bench = ready(stage)
    edits = get_method(method).build().fit_on(bench, seed=0)
    found = stage.log_probs(at.site, edits)[stage.scored_split("test")]
    texts = [stage.concept.texts[row] for row in stage.concept.rows("test")]
    with hooked(stage.subject, edits, {}), torch.no_grad():
        alone = [stage.subject.model(torch.tensor([ids])).logits[0, -1] for ids in stage.subject.encode(texts)]
        documents = stage.subject.encode(stage.corpus.corpus.documents)
        losses = [stage.subject.model(torch.tensor([i]), labels=torch.tensor([i])).loss.item() for i in documents]
    torch.testing.assert_close(found, torch.stack(alone).log_softmax(-1), atol=1e-4, rtol=0)
    assert (found - stage.reference[stage.scored_split("test")]).abs().max() > 1e-2
    run = stage.corpus.run(at.site, edits)
    np.testing.assert_allclose(run.nll / run.counts, losses, atol=1e-4)


def test_identities_at_every_site_are_the_reference_to_the_bit(stage: ConceptStage) -> None:
    streams = ("attn_in", "mlp_in", "resid_post")
    sites = [site for site in stage.subject.sites() if site.partition(".")[0] in streams]
    for edits in (SiteEdits({site: IdentityEdit(24) for site in sites}), SiteEdits({"attn_in.3": IdentityEdit(24)})):
        assert torch.equal(stage.log_probs("resid_post.2", edits), stage.reference)
        np.testing.assert_array_equal(stage.corpus.run("resid_post.2", edits).nll, stage.corpus.reference.nll)


def test_a_pass_resumed_before_the_first_edit_is_a_whole_pass(
    tiny: Subject, stage: ConceptStage, stage_of: Callable[..., ConceptStage]
) -> None:
    """With resid_post.3 captured alone no pass can begin before the first edit; the logits are the same."""
    edit = AffineEdit.projection(torch.linspace(-1, 1, 24), center=torch.ones(24))
    edits = SiteEdits({"mlp_in.3": edit, "attn_in.2": edit})
    resumed = stage.log_probs("resid_post.2", edits)
    whole = stage_of(tiny, ("resid_post.3",)).log_probs("resid_post.3", edits)
    assert torch.equal(resumed, whole)
    assert not torch.allclose(resumed, stage.reference, atol=1e-2)


def test_random_subspaces_have_the_rank_of_leace_and_differ_by_site_and_seed(stage: ConceptStage, ready: Ready) -> None:
    _, bench = ready(stage)
    method = get_method("concept-scrubbing(kind=random)").build()
    edits, again, other = (method.fit_on(bench, seed=seed) for seed in (0, 0, 1))
    leace = get_method("concept-scrubbing").build().fit_on(bench, seed=0)
    assert {site: edit.rank for site, edit in edits.items()} == {site: edit.rank for site, edit in leace.items()}
    assert edits.fingerprint == again.fingerprint != other.fingerprint
    assert len({edit.fingerprint for edit in edits.values() if edit.rank}) == sum(e.rank > 0 for e in edits.values())


def test_matched_random_subspaces_edit_as_much_as_leace_at_every_site(stage: ConceptStage, ready: Ready) -> None:
    _, bench = ready(stage)

    def shares(kind: str) -> dict[str, float]:
        """Mean squared edit over the variance of what arrives, with all edits in place."""
        edits = get_method(f"concept-scrubbing(kind={kind})").build().fit_on(bench, seed=0)
        arrivals = stage.arrivals(edits, list(edits))
        found = {}
        for site in edits:
            x, after = arrivals.arriving(site, "fit"), arrivals.leaving(site, "fit")
            found[site] = float((after - x).square().sum() / (x - x.mean(0)).square().sum())
        return found

    leace, random, matched = (shares(kind) for kind in ("leace", "random", "random-matched"))
    assert matched == pytest.approx(leace, rel=1e-3, abs=1e-6)
    assert random["mlp_in.3"] != pytest.approx(leace["mlp_in.3"], rel=0.1)


def test_a_subject_without_norm_outputs_is_told(
    without_norm_outputs: Subject, stage_of: Callable[..., ConceptStage], ready: Ready
) -> None:
    _, bench = ready(stage_of(without_norm_outputs))
    with pytest.raises(FitError, match="have no attn_in and no mlp_in"):
        get_method("concept-scrubbing").build().fit_on(bench, seed=0)
    assert len(get_method("scrub-residual").build().fit_on(bench, seed=0)) == 4


def test_a_walk_goes_forward_only(stage: ConceptStage) -> None:
    walk = stage.walk()
    edit = IdentityEdit(24)
    with pytest.raises(SiteError, match="unknown stream 'resid'"):
        walk.activations("resid.1")
    walk.activations("mlp_in.1")
    walk.edit("mlp_in.1", edit)
    with pytest.raises(ContractError, match=r"does not go back to attn_in\.1"):
        walk.activations("attn_in.1")
    with pytest.raises(ContractError, match=r"an edit at resid_post\.0 comes too late"):
        walk.edit("resid_post.0", edit)
    with pytest.raises(ContractError, match="compose the two"):
        walk.edit("mlp_in.1", edit)


def test_what_a_walk_shows_is_what_a_capture_shows(stage: ConceptStage, ready: Ready) -> None:
    """Without edits, site after site, skipping some."""
    _, bench = ready(stage)
    walk = stage.walk()
    for site in ("resid_pre.0", "mlp_in.0", "resid_post.0", "resid_pre.1", "attn_in.3", "attn_out.3", "resid_post.3"):
        torch.testing.assert_close(walk.activations(site), bench.activations(site), rtol=1e-5, atol=1e-5)


def test_a_failing_edit_leaves_no_hook(stage: ConceptStage) -> None:
    class Failing(IdentityEdit):
        def __call__(self, x: torch.Tensor, z: torch.Tensor | None = None) -> torch.Tensor:
            raise ArithmeticError("inside an edit")

    edits = SiteEdits({"attn_in.1": IdentityEdit(24), "resid_post.1": Failing(24)})
    for run in (
        lambda: stage.log_probs("resid_post.2", edits),
        lambda: stage.corpus.run("resid_post.2", edits),
        lambda: stage.arrivals(edits, ["resid_post.2"]),
        lambda: stage.corpus.squared_sizes(SiteEdits({**edits, "resid_post.2": IdentityEdit(24)})),
    ):
        with pytest.raises(ArithmeticError, match="inside an edit"):
            run()
    modules = stage.subject.model.modules()
    assert not any(m._forward_hooks or m._forward_pre_hooks or "forward" in vars(m) for m in modules)
