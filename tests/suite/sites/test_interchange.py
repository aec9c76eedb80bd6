"""Interchanges on a subject whose behavior is its classes: what is exchanged, and what then wins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from interpmark.methods import AffineEdit, ConstantEdit, Edit, IdentityEdit, OracleEdit
from interpmark.suite import interchange
from interpmark.suite.grounds import FixtureGround
from interpmark.suite.interchange import interchange_of, spread
from interpmark.suite.other_concepts import OtherConcept
from interpmark.suite.scores import Scores
from interpmark.suite.scoring import run_edit
from interpmark.suite.stage import ConceptStage

D = 24
LAST = "resid_post.3"
Ready = Callable[..., Any]


@pytest.fixture
def centred(preferences: ConceptStage, stage_of: Callable[..., ConceptStage]) -> ConceptStage:
    """The classes are on either side of the median odds, so answers count relative to what they usually get."""
    stage = stage_of(preferences.subject, ("resid_post.2", LAST), preferences.concept)
    stage.centred = True
    return stage


@pytest.fixture
def at(centred: ConceptStage, ready: Ready) -> FixtureGround:
    """After the last block the last position is all that counts."""
    return ready(centred, LAST)[0]


def random_columns(k: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(D, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scored(edit: Edit, at: FixtureGround) -> Scores:
    assert at.stage is not None
    return run_edit(edit, at, at.stage, seed=0)


def test_pairs_share_a_template_and_differ_in_class(at: FixtureGround) -> None:
    pairs = interchange_of(at)
    assert at.stage is not None
    concept = at.stage.concept
    rows = concept.rows("test")
    place = {tuple(x): concept.templates[rows[i]] for i, x in enumerate(at.ground.test.x.tolist())}
    for first, second in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
        assert place[tuple(first)] == place[tuple(second)]
    own = [int(at.ground.test.z[(at.ground.test.x == x).all(1)][0]) for x in pairs.first]
    assert all(a != int(b) for a, b in zip(own, pairs.wanted, strict=True))


def test_a_projection_exchanges_the_component_along_its_direction(at: FixtureGround) -> None:
    pairs = interchange_of(at)
    v = random_columns(1) / random_columns(1).norm()
    expected = pairs.first + ((pairs.second - pairs.first) @ v) @ v.T
    edit = AffineEdit(v, v, center=random_columns(1, 1)[:, 0], shift=random_columns(1, 2)[:, 0])
    torch.testing.assert_close(pairs.swapped(edit), expected)
    whole = ConstantEdit(torch.zeros(D, dtype=torch.float64))
    torch.testing.assert_close(pairs.swapped(whole), pairs.second)


def test_the_few_logits_that_matter_are_those_of_the_whole_vocabulary(at: FixtureGround) -> None:
    pairs = interchange_of(at)
    tokens = torch.tensor([5, 1, 9])
    texts = range(len(pairs.first))
    whole = pairs.continuation.logits(texts, pairs.second)
    torch.testing.assert_close(pairs.continuation.token_logits(texts, pairs.second, tokens), whole[:, tokens])
    assert pairs.continuation.logits(texts, pairs.second).shape == whole.shape  # the unembedding is whole again


def test_exchanging_all_wins_and_exchanging_nothing_wins_as_often_as_before(at: FixtureGround) -> None:
    nothing = scored(IdentityEdit(D), at).estimates
    everything = scored(ConstantEdit(at.ground.fit.x.mean(0)), at).estimates
    before = everything["behavior_swap_unedited"]
    assert nothing["behavior_swap_success"].value == nothing["behavior_swap_unedited"].value == before.value
    assert before.value < 0.4 < 0.6 < everything["behavior_swap_success"].value
    means = [at.ground.fit.x[at.ground.fit.z == k].mean(0) for k in (0, 1)]
    along = scored(AffineEdit.projection(means[1] - means[0], center=at.ground.fit.x.mean(0)), at).estimates
    beside = scored(AffineEdit.projection(random_columns(1)), at).estimates
    assert along["behavior_swap_success"].value > beside["behavior_swap_success"].value


def test_an_edit_that_sees_labels_exchanges_nothing(at: FixtureGround) -> None:
    oracle = OracleEdit(random_columns(2).T, torch.zeros(2, dtype=torch.float64))
    found = scored(oracle, at).estimates["behavior_swap_success"]
    assert (found.status, "what the label says" in found.reason) == ("not scored", True)


def test_entities_come_once_before_any_comes_twice(monkeypatch: pytest.MonkeyPatch, at: FixtureGround) -> None:
    groups = np.arange(30) // 3
    assert len(set(groups[spread(groups, 10).numpy()].tolist())) == 10
    assert np.bincount(groups[spread(groups, 15).numpy()]).max() == 2
    assert spread(groups, 100).tolist() == list(range(30))
    monkeypatch.setattr(interchange, "PAIRS", 8)
    interchange_of.cache_clear()
    assert len(interchange_of(at).first) == 8
    interchange_of.cache_clear()


def test_other_concepts_answer_with_the_edit_in_place(stage: ConceptStage, centred: ConceptStage, ready: Ready) -> None:
    """The edit is fitted on one concept and moves the answers to the other's prompts."""
    own = ready(stage)[0]
    others = (OtherConcept.of(centred),)
    at = replace(own, asked=frozenset({"cross"}), others=others, ran={})
    same, gone = scored(IdentityEdit(D), at), scored(ConstantEdit(own.ground.fit.x.mean(0)), at)
    assert same.estimates["side_effect_largest"].value == 0
    assert same.examples["side_effect_concepts"] == ["parity"]
    assert gone.estimates["side_effect_largest"].value > 0.5
    rows = centred.scored_split("test")
    behavior = ready(centred)[0]
    as_own = scored(ConstantEdit(own.ground.fit.x.mean(0)), behavior)
    assert gone.examples["side_effect_g_after"][0] == pytest.approx(as_own.examples["behavior_g_after"], abs=1e-5)
    assert len(gone.examples["side_effect_g_before"][0]) == rows.stop
    assert "side_effect_largest" not in scored(IdentityEdit(D), own).estimates
    alone = scored(IdentityEdit(D), replace(at, others=(), ran={})).estimates["side_effect_largest"]
    assert alone.reason == "the run has no other concept with a behavior"
