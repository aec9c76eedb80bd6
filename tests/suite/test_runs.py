"""Resuming with an edit equals running the whole subject with a hook that edits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interpmark.fixtures import Behavior, Concept, Corpus, get_concept, get_corpus
from interpmark.fixtures.subjects import Subject, load_subject
from interpmark.methods import AffineEdit, ConstantEdit, Edit, IdentityEdit, get_method
from interpmark.suite.progress import SilentProgress
from interpmark.suite.runs import Prompts, log_probs
from interpmark.suite.stage import ConceptStage, CorpusStage, Recorder

pytestmark = pytest.mark.model
SITE = "resid_post.15"


def few(concept: Concept, per_split: int) -> Concept:
    """The first rows of each class in every split; neighbouring rows are of one entity."""
    rows = np.concatenate(
        [
            concept.rows(split)[concept.labels[concept.rows(split)] == label][: per_split // 2]
            for split in ("fit", "probe", "test")
            for label in (0, 1)
        ]
    )
    return Concept(
        name="few",
        texts=tuple(concept.texts[i] for i in rows),
        labels=concept.labels[rows],
        classes=concept.classes,
        groups=tuple(concept.groups[i] for i in rows),
        templates=tuple(concept.templates[i] for i in rows),
        splits=tuple(concept.splits[i] for i in rows),
    )


def stage_on(subject: Subject, concept: Concept, documents: int) -> ConceptStage:
    recorder = Recorder(subject, None, SilentProgress())
    whole = get_corpus("neutral")
    corpus = Corpus("few", whole.documents[:documents], whole.topics[:documents])
    behavior = Behavior("he-she", ((" he",), (" she",)))
    return ConceptStage(concept, behavior, "last", [SITE], CorpusStage(corpus, [SITE], recorder), recorder)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return load_subject("smollm2-135m")


def hooked(subject: Subject, tokens: list[int], edit: Edit) -> torch.Tensor:
    """Log-probabilities at the last token from one whole forward pass of one prompt, edited by a hook of torch's."""

    def hook(module: object, args: object, output: torch.Tensor) -> torch.Tensor:
        return torch.cat([output[:, :1], edit(output[:, 1:])], dim=1)

    handle = subject.model.get_submodule("model.layers.15").register_forward_hook(hook)
    try:
        with torch.no_grad():
            return subject.model(torch.tensor([tokens])).logits[0, -1].log_softmax(-1)
    finally:
        handle.remove()


def test_a_resumed_run_equals_a_hooked_pass_over_single_prompts(subject: Subject) -> None:
    tokens = subject.encode(["At work Mary explained why", "Rain fell on the roof of the old mill, and", "No one"])
    prompts = Prompts.ends(subject, tokens)
    states = Recorder(subject, None, SilentProgress()).states("prompts", tokens, [SITE])[SITE]
    direction = torch.randn(576, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    edit = AffineEdit.projection(direction, center=torch.ones(576, dtype=torch.float64))
    together = log_probs(subject, SITE, states, prompts, edit)
    alone = torch.stack([hooked(subject, ids, edit) for ids in tokens])
    torch.testing.assert_close(together, alone, atol=2e-4, rtol=0)
    untouched = torch.stack([hooked(subject, ids, IdentityEdit(576)) for ids in tokens])
    assert (alone - untouched).abs().max() > 0.01, "the edit does nothing, so the comparison shows nothing"


def test_a_constant_runs_as_what_it_is(subject: Subject) -> None:
    """One pass over the longest text serves all texts; the same map as a matrix runs over every one."""
    stage = stage_on(subject, few(get_concept("gender"), 12), documents=3)
    value = torch.randn(576, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    constant, matrix = ConstantEdit(value), AffineEdit(torch.eye(576), torch.eye(576), shift=value)
    torch.testing.assert_close(stage.log_probs(SITE, constant), stage.log_probs(SITE, matrix), atol=2e-3, rtol=0)
    np.testing.assert_allclose(stage.corpus.run(SITE, constant).nll, stage.corpus.run(SITE, matrix).nll, rtol=1e-4)
    assert np.abs(stage.corpus.run(SITE, constant).nll / stage.corpus.reference.nll - 1).min() > 0.1


def test_a_run_of_the_identity_is_the_reference_to_the_bit(subject: Subject) -> None:
    stage = stage_on(subject, few(get_concept("gender"), 12), documents=3)
    through = AffineEdit(torch.zeros(576, 1), torch.zeros(576, 1))
    assert torch.equal(stage.log_probs(SITE, through), stage.reference)
    assert torch.equal(stage.log_probs(SITE, IdentityEdit(576)), stage.reference)
    np.testing.assert_array_equal(stage.corpus.run(SITE, through).nll, stage.corpus.reference.nll)


def test_the_corpus_is_scored_as_transformers_scores_it(subject: Subject) -> None:
    stage = stage_on(subject, few(get_concept("gender"), 12), documents=3)
    tokens = subject.encode(stage.corpus.corpus.documents)
    with torch.no_grad():
        losses = [subject.model(torch.tensor([ids]), labels=torch.tensor([ids])).loss.item() for ids in tokens]
    reference = stage.corpus.reference
    np.testing.assert_allclose(reference.nll / reference.counts, losses, atol=1e-4)


@pytest.mark.slow
def test_without_a_prefix_the_attention_sink_spoils_the_edit(subject: Subject) -> None:
    """The first content token becomes the sink, its activation some hundred times as large, and the edit touches it."""
    damage = {}
    for prefix, loaded in (("auto", subject), ("none", load_subject("smollm2-135m", prefix="none"))):
        stage = stage_on(loaded, few(get_concept("gender"), 400), documents=6)
        ground = stage.ground(SITE)
        edit = get_method("leace").build().fit(ground.fit.x, ground.fit.z, seed=0)
        before, after = stage.corpus.reference, stage.corpus.run(SITE, edit)
        damage[prefix] = (after.nll.sum() - before.nll.sum()) / before.counts.sum()
    assert damage["none"] > damage["auto"] + 0.5, damage
