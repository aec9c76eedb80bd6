"""Agreement with the public packages for steering and intervening, where they are right.

steering-vectors declares transformers < 5 and pyvene declares notebooks and plots, so neither can stand in the tests
extra. Both run beside transformers 5: `pip install --no-deps steering-vectors pyvene`, or tox -e peers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from interpmark.fixtures.subjects import Subject
from interpmark.methods import AddedVector, get_method
from interpmark.methods.erasers.cde import interchange
from interpmark.methods.steerers.repe import reading_vector
from interpmark.suite.stage import ConceptStage

SITE = "resid_post.1"
BLOCK = 1


@pytest.fixture
def steering_vectors() -> Any:
    return pytest.importorskip("steering_vectors", reason="pip install --no-deps steering-vectors (see above)")


@pytest.fixture
def pyvene() -> Any:
    return pytest.importorskip("pyvene", reason="pip install --no-deps pyvene (see above)")


@pytest.fixture
def bare(new_tiny: Callable[[], Subject], stage_of: Callable[..., ConceptStage]) -> ConceptStage:
    """A concept on a subject without a prefix, which the packages know nothing of.

    Its model is no other test's: the packages, and transformers where it is asked for hidden states, leave hooks in it.
    """
    return stage_of(replace(new_tiny(), prefix_id=None))


def contrast_pairs(stage: ConceptStage) -> list[tuple[str, str]]:
    """All fit prompts, (class 1's, class 0's) in pairs."""
    rows, concept = stage.concept.rows("fit"), stage.concept
    zero, one = ([concept.texts[row] for row in rows if concept.labels[row] == label] for label in (0, 1))
    assert len(zero) == len(one) == 60
    return list(zip(one, zero, strict=True))


def caa(stage: ConceptStage, ready: Callable[..., Any]) -> AddedVector:
    at, _ = ready(stage, SITE)
    edit = get_method("caa").build().fit(at.ground.fit.x, at.ground.fit.z, seed=0)
    assert isinstance(edit, AddedVector)
    return edit


def last_states(stage: ConceptStage, texts: list[str]) -> torch.Tensor:
    """What transformers gives as the output of the block at each text's last token, `[n, d]`."""
    with torch.no_grad():
        runs = [
            stage.subject.model(torch.tensor([ids]), output_hidden_states=True) for ids in stage.subject.encode(texts)
        ]
    return torch.stack([run.hidden_states[BLOCK + 1][0, -1] for run in runs]).double()


def end_of(stage: ConceptStage) -> list[list[int]]:
    concept = stage.concept
    rows = [*concept.rows("test"), *concept.rows("transfer")]
    return stage.subject.encode([concept.texts[row] for row in rows])


def test_caa_is_the_mean_of_the_pairs_differences(bare: ConceptStage, ready: Callable[..., Any]) -> None:
    """The formula of the paper and of the packages, on hidden states as transformers hands them out."""
    one, zero = (last_states(bare, list(texts)) for texts in zip(*contrast_pairs(bare), strict=True))
    torch.testing.assert_close(caa(bare, ready).vector, (one - zero).mean(0), atol=1e-6, rtol=1e-5)


def test_caa_is_what_steering_vectors_trains(
    steering_vectors: Any, bare: ConceptStage, ready: Callable[..., Any]
) -> None:
    subject = bare.subject
    theirs = steering_vectors.train_steering_vector(
        subject.model, subject.tokenizer, contrast_pairs(bare), layers=[BLOCK], show_progress=False
    )
    found = theirs.layer_activations[BLOCK]
    torch.testing.assert_close(caa(bare, ready).vector, found.double(), atol=1e-6, rtol=1e-5)
    ours = bare.log_probs(SITE, AddedVector(found, strength=-1.5))
    with theirs.apply(subject.model, multiplier=-1.5), torch.no_grad():
        applied = [subject.model(torch.tensor([ids])).logits[0, -1].log_softmax(-1) for ids in end_of(bare)]
    torch.testing.assert_close(ours, torch.stack(applied), atol=1e-5, rtol=1e-5)
    assert (ours - bare.reference).abs().max() > 1e-2


def test_it_refuses_the_token_indices_that_it_takes(steering_vectors: Any, bare: ConceptStage) -> None:
    """Its default for the lowest token counts as given too. Here a scope says which tokens are edited."""
    vector = steering_vectors.SteeringVector({BLOCK: torch.ones(24)})
    with pytest.raises((AssertionError, UnboundLocalError)), vector.apply(bare.subject.model, token_indices=[0]):
        pass


def test_a_reading_vector_is_their_principal_component(steering_vectors: Any, bare: ConceptStage) -> None:
    one, zero = (last_states(bare, list(texts)) for texts in zip(*contrast_pairs(bare), strict=True))
    differences = one - zero
    theirs = steering_vectors.pca_aggregator()(one, zero)
    ours = reading_vector(torch.cat([differences, -differences]), differences.mean(0))
    # their principal component is computed by a randomised method
    assert float(torch.nn.functional.cosine_similarity(ours, theirs, dim=0)) > 0.999


def intervened(pyvene: Any, stage: ConceptStage, ids: list[int], sources: Any, where: Any, **intervention: Any) -> Any:
    """What pyvene's model gives for one prompt, with an intervention at the output of the block."""
    model = pyvene.IntervenableModel(
        {"layer": BLOCK, "component": "block_output", **intervention}, model=stage.subject.model
    )
    return model({"input_ids": torch.tensor([ids])}, sources, unit_locations=where)


def test_captured_states_are_what_pyvene_collects(pyvene: Any, bare: ConceptStage) -> None:
    concept = bare.concept
    texts = [concept.texts[row] for row in concept.rows("fit")[:4]]
    ours = bare.fit_activations(SITE)[:4]
    collect = {"intervention_type": pyvene.CollectIntervention}
    for row, ids in zip(ours, bare.subject.encode(texts), strict=True):
        (_, collected), _ = intervened(pyvene, bare, ids, None, {"base": len(ids) - 1}, **collect)
        torch.testing.assert_close(row, collected[0].detach().double().flatten(), atol=1e-6, rtol=1e-5)


def test_an_added_vector_is_pyvenes_addition(pyvene: Any, bare: ConceptStage) -> None:
    vector = torch.randn(24, generator=torch.Generator().manual_seed(0))
    ours = bare.log_probs(SITE, AddedVector(vector))
    add = {"intervention_type": pyvene.AdditionIntervention, "source_representation": vector}
    for row, ids in list(zip(ours, end_of(bare), strict=True))[:6]:
        _, out = intervened(pyvene, bare, ids, None, {"base": list(range(len(ids)))}, **add)
        torch.testing.assert_close(row, out.logits[0, -1].detach().log_softmax(-1), atol=1e-5, rtol=1e-5)


def test_an_interchange_is_pyvenes_in_a_rotated_subspace(
    pyvene: Any, bare: ConceptStage, ready: Callable[..., Any]
) -> None:
    """What causal direction extraction descends on: V Vᵀ (x_b − x_a) added to x_a, one prompt's end to another's."""
    _, bench = ready(bare, SITE)
    pairs = interchange(bench, torch.arange(40), limit=6, seed=0)
    torch.manual_seed(1)
    swap = {"intervention_type": pyvene.LowRankRotatedSpaceIntervention, "low_rank_dimension": 2}
    model = pyvene.IntervenableModel({"layer": BLOCK, "component": "block_output", **swap}, model=bare.subject.model)
    ((_, intervention),) = model.interventions.items()
    basis = getattr(intervention, "rotate_layer", None) or intervention[0].rotate_layer
    v = basis.weight.detach().double()
    with torch.no_grad():
        ours = pairs.answers.log_probs(pairs.pairs[:, 0], pairs.swapped(v, pairs.pairs))
        for row, (first, second) in zip(ours, pairs.pairs.tolist(), strict=True):
            base, source = bare.subject.encode([bench.texts[first], bench.texts[second]])
            _, out = model(
                {"input_ids": torch.tensor([base])},
                [{"input_ids": torch.tensor([source])}],
                unit_locations={"sources->base": ([[[len(source) - 1]]], [[[len(base) - 1]]])},
            )
            log_probs = out.logits[0, -1].log_softmax(-1)
            theirs = torch.stack([log_probs[ids].logsumexp(-1) for ids in bench.answers])
            torch.testing.assert_close(row, theirs, atol=1e-5, rtol=1e-5)
