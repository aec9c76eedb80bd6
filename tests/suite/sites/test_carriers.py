"""Prompts that begin one another, on a stage: what a walk shows and what arrives is what single passes show."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from interpmark.fixtures import Concept
from interpmark.fixtures.subjects import Subject, capture_changed
from interpmark.methods import AddedVector, AffineEdit, Edit, OracleEdit, SiteEdits
from interpmark.suite.site_runs import site_changes
from interpmark.suite.stage import ConceptStage

WORDS = ("once", "the", "old", "said", "that", "in", "town", "knew", "why", "he", "she", "it", "rain", "fell")
VECTOR = torch.linspace(-1, 1, 24)
EVERYWHERE = AffineEdit.projection(VECTOR, center=torch.ones(24))
AT_THE_END = AddedVector(VECTOR, scope="last")
BY_LABEL = OracleEdit(torch.stack([VECTOR, -VECTOR]), torch.full((2,), 0.5))


@pytest.fixture
def nested(tiny: Subject, stage_of: Callable[..., ConceptStage]) -> ConceptStage:
    """Every beginning of a few sentences is a prompt, twice, with different labels."""
    rows = []
    for split, starts in (("fit", range(6)), ("probe", range(6, 9)), ("test", range(9, 12))):
        for start in starts:
            sentence = [*WORDS[start:], *WORDS[:start]][:7]
            for end in range(1, 8):
                rows += [(" ".join(sentence[:end]), label, f"{split} {start}", split) for label in (0, 1)]
    texts, labels, groups, splits = zip(*rows, strict=True)
    concept = Concept("words", texts, np.array(labels), ("no", "yes"), groups, ("",) * len(texts), splits)
    return stage_of(tiny, concept=concept)


def arriving(stage: ConceptStage, edits: dict[str, Edit], site: str, split: str) -> torch.Tensor:
    """What arrives at a site, from a pass for each prompt."""
    rows = []
    for row in stage.concept.rows(split):
        tokens = stage.subject.encode([stage.concept.texts[row]])
        changes = site_changes(SiteEdits(edits), torch.as_tensor(stage.concept.labels[[row]]))
        rows.append(capture_changed(stage.subject, tokens, [site], changes)[site].x[-1])
    return torch.from_numpy(np.stack(rows).astype(np.float64))


@pytest.mark.parametrize("edit", [EVERYWHERE, AT_THE_END, BY_LABEL], ids=["everywhere", "at the end", "by label"])
def test_a_walk_over_beginnings_shows_what_single_passes_show(nested: ConceptStage, edit: Edit) -> None:
    walk = nested.walk()
    edits: dict[str, Edit] = {}
    for site, here in {"attn_in.0": EVERYWHERE, "mlp_in.1": edit, "resid_post.1": EVERYWHERE}.items():
        walk.activations(site)
        walk.edit(site, here)
        edits[site] = here
    for site in ("attn_in.2", "resid_post.3"):
        expected = arriving(nested, edits, site, "fit")
        torch.testing.assert_close(walk.activations(site), expected, rtol=1e-4, atol=1e-4)
        without = arriving(nested, {"resid_post.1": EVERYWHERE}, site, "fit")
        assert (expected - without).abs().max() > 1e-2, "the edits change nothing, so equality shows nothing"


@pytest.mark.parametrize("edit", [EVERYWHERE, AT_THE_END, BY_LABEL], ids=["everywhere", "at the end", "by label"])
def test_what_arrives_over_beginnings_is_what_single_passes_show(nested: ConceptStage, edit: Edit) -> None:
    edits = {"mlp_in.0": EVERYWHERE, "resid_post.1": edit}
    arrivals = nested.arrivals(SiteEdits(edits), ["resid_post.3"])
    for split in ("fit", "test"):
        found = arrivals.arriving("resid_post.3", split).double()
        torch.testing.assert_close(found, arriving(nested, edits, "resid_post.3", split), rtol=1e-4, atol=1e-4)


def test_a_walk_runs_a_sentence_and_not_its_beginnings(nested: ConceptStage) -> None:
    run: list[int] = []
    embeddings = nested.subject.model.get_input_embeddings()
    handle = embeddings.register_forward_pre_hook(lambda _, args: run.append(args[0].numel()))
    try:
        nested.walk().activations("resid_post.1")
    finally:
        handle.remove()
    assert sum(run) == 6 * 8, "six sentences of seven words, with their prefix"
