"""Methods that look at the subject's answers: gradients are those of the answers, and swaps beat the means'."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from interpmark.fixtures import Corpus
from interpmark.methods import AffineEdit, FitError, SpecError, get_method
from interpmark.methods.erasers.cde import Interchange, causal_subspace, interchange
from interpmark.methods.erasers.mean_projection import mean_directions
from interpmark.methods.logit_gradient import log_odds_gradients
from interpmark.suite.grounds import FixtureGround
from interpmark.suite.pairs import opposite_pairs
from interpmark.suite.progress import SilentProgress
from interpmark.suite.scoring import why_not
from interpmark.suite.stage import ConceptStage, CorpusStage, Recorder

Ready = Callable[..., Any]
SITE = "resid_post.2"


def test_pairs_differ_in_class_and_share_the_template() -> None:
    z = torch.tensor([0, 1, 1, 0, 1, 2, 0, 1])
    templates = ["a", "a", "b", "b", "b", "a", "c", "a"]
    rows = torch.tensor([0, 1, 2, 3, 5, 6])
    pairs = opposite_pairs(rows, z, templates, seed=0)
    assert pairs[:, 0].tolist() == [0, 1, 2, 3, 5], "row 6 is alone in its template"
    for first, second in pairs.tolist():
        assert second in rows.tolist()
        assert templates[first] == templates[second]
        assert z[first] != z[second]
    draws = {tuple(opposite_pairs(rows, z, templates, seed).flatten().tolist()) for seed in range(20)}
    assert len(draws) > 1
    with pytest.raises(FitError, match="no pairs"):
        opposite_pairs(torch.tensor([0, 6]), z, templates, seed=0)
    with pytest.raises(FitError, match="continuous"):
        opposite_pairs(rows, z.double(), templates, seed=0)


def test_answers_after_the_own_activation_are_the_subjects(stage: ConceptStage, ready: Ready) -> None:
    _, bench = ready(stage, SITE)
    rows = torch.tensor([5, 2, 40])
    found = bench.continuation(rows).log_probs(rows, bench.split.x[rows])
    ids = stage.subject.encode([bench.texts[row] for row in rows.tolist()])
    with torch.no_grad():
        logits = torch.stack([stage.subject.model(torch.tensor([one])).logits[0, -1] for one in ids])
    expected = logits.log_softmax(-1)[:, [stage.subject.token_id(" he"), stage.subject.token_id(" she")]]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_the_gradient_is_the_rate_at_which_log_odds_move(stage: ConceptStage, ready: Ready) -> None:
    _, bench = ready(stage, SITE)
    rows = torch.arange(8)
    x = bench.split.x[rows]
    gradients = log_odds_gradients(bench, rows, x)[:, 0]  # [8, d]
    assert gradients.shape == (8, 24)
    answers = bench.continuation(rows)
    step = torch.randn(8, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def odds(moved: torch.Tensor) -> torch.Tensor:
        log_probs = answers.log_probs(rows, moved).double()
        return log_probs[:, 1] - log_probs[:, 0]

    difference = (odds(x + 1e-2 * step) - odds(x - 1e-2 * step)) / 2e-2
    torch.testing.assert_close((gradients * step).sum(1).double(), difference, rtol=2e-2, atol=2e-3)


def test_the_mean_gradient_is_projected_out(stage: ConceptStage, ready: Ready) -> None:
    _, bench = ready(stage, SITE)
    edit = get_method("logit-gradient-projection").build().fit_on(bench, seed=0)
    rows = torch.arange(len(bench.split.x))
    mean = log_odds_gradients(bench, rows, bench.split.x).mean(0)  # [1, d]
    assert isinstance(edit, AffineEdit)
    assert edit.rank == 1
    cosine = torch.nn.functional.cosine_similarity(edit.read[:, 0], mean[0].double(), dim=0)
    assert abs(float(cosine)) > 0.9999
    torch.testing.assert_close(edit(bench.split.x).mean(0), bench.split.x.mean(0))
    few = get_method("logit-gradient-projection(prompts=20)").build()
    assert few.fit_on(bench, seed=0).fingerprint == few.fit_on(bench, seed=0).fingerprint
    assert few.fit_on(bench, seed=0).fingerprint != few.fit_on(bench, seed=1).fingerprint


def swaps(bench: Any) -> Interchange:
    return interchange(bench, torch.arange(len(bench.split.x)), 256, seed=3)


@pytest.mark.parametrize("rank", [1, 2])
def test_interchange_along_cde_swaps_better_than_along_the_means(
    rank: int, preferences: ConceptStage, ready: Ready
) -> None:
    """On a concept that the random subject has: which of the answers it prefers after a noun."""
    _, bench = ready(preferences, SITE)
    found = causal_subspace(bench, rank, steps=60, restarts=2, seed=0)
    torch.testing.assert_close(found.T @ found, torch.eye(rank, dtype=torch.float64))
    test = swaps(bench)
    means = mean_directions(bench.split.x, bench.split.z)
    with torch.no_grad():
        losses = [float(test.losses(basis, test.pairs).mean()) for basis in (found, means)]
    assert losses[0] < losses[1], losses
    assert test.success(found) >= test.success(means)


def test_swapping_a_prompt_with_itself_changes_nothing(stage: ConceptStage, ready: Ready) -> None:
    _, bench = ready(stage, SITE)
    test = swaps(bench)
    same = test.pairs[:, :1].expand(-1, 2)
    basis = torch.linalg.qr(torch.randn(24, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)).Q
    assert torch.equal(test.swapped(basis, same), bench.split.x[same[:, 0]])
    whole = torch.eye(24, dtype=torch.float64)
    torch.testing.assert_close(test.swapped(whole, test.pairs), bench.split.x[test.pairs[:, 1]])


def test_cde_is_an_eraser_of_its_subspace_and_deterministic(stage: ConceptStage, ready: Ready) -> None:
    _, bench = ready(stage, SITE)
    method = get_method("cde(rank=2, restarts=1, steps=5)").build()
    edit = method.fit_on(bench, seed=0)
    assert edit.fingerprint == method.fit_on(bench, seed=0).fingerprint != method.fit_on(bench, seed=1).fingerprint
    assert edit.rank == 2
    x = bench.split.x
    torch.testing.assert_close(edit(edit(x)), edit(x))
    with pytest.raises(FitError, match="25 directions"):
        get_method("cde(rank=25)").build().fit_on(bench, seed=0)
    with pytest.raises(SpecError, match="steps must be at least 1"):
        get_method("cde(steps=0)")


def test_a_concept_without_answers_is_not_scored_and_told_why(stage: ConceptStage) -> None:
    recorder = Recorder(stage.subject, None, SilentProgress())
    corpus = CorpusStage(Corpus("few", ("rain fell", "he said that"), ("none", "none")), [SITE], recorder)
    mute = ConceptStage(stage.concept, None, "last", [SITE], corpus, recorder)
    at = FixtureGround(stage.ground(SITE), mute, SITE)
    for name in ("cde", "logit-gradient-projection"):
        assert "fitted on the subject's answers, but the concept parity has no behavior" in why_not(
            get_method(name), at
        )
    assert why_not(get_method("concept-scrubbing"), at) == ""
