"""Edits at many sites of the default subject, in its own precision: scrubbing guards, ablation is of a direction."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from interpmark.fixtures import Behavior, Concept, Corpus, get_concept, get_corpus
from interpmark.fixtures.subjects import load_subject
from interpmark.methods import AffineEdit, IdentityEdit, SiteEdits, get_method
from interpmark.suite.bench import Bench
from interpmark.suite.measures import log_odds
from interpmark.suite.progress import SilentProgress
from interpmark.suite.site_scoring import guard_residuals
from interpmark.suite.stage import ConceptStage, CorpusStage, Recorder

pytestmark = [pytest.mark.model, pytest.mark.slow]
SITE = "resid_post.26"
PER_CLASS = {"fit": 60, "probe": 4, "test": 20}


def few(concept: Concept) -> Concept:
    rows = np.concatenate(
        [
            concept.rows(split)[concept.labels[concept.rows(split)] == label][:count]
            for split, count in PER_CLASS.items()
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


@pytest.fixture(scope="module")
def stage() -> ConceptStage:
    recorder = Recorder(load_subject("smollm2-135m"), None, SilentProgress())
    neutral = get_corpus("neutral")
    corpus = CorpusStage(Corpus("few", neutral.documents[:6], neutral.topics[:6]), [SITE], recorder)
    behavior = Behavior("he-she", ((" he",), (" she",)))
    return ConceptStage(few(get_concept("gender")), behavior, "last", [SITE], corpus, recorder)


def test_ablating_the_direction_takes_the_behavior_and_a_random_one_next_to_nothing(stage: ConceptStage) -> None:
    edits = get_method("directional-ablation").build().fit_on(Bench.of(stage, stage.ground(SITE).fit, SITE), seed=0)
    z = stage.scored_labels.numpy()

    def gap(log_probs: torch.Tensor) -> float:
        h = log_odds(log_probs, stage.answers)
        return float(h[z == 1].mean() - h[z == 0].mean())

    def effect(edits: SiteEdits) -> float:
        return 1 - gap(stage.log_probs(SITE, edits)) / gap(stage.reference)

    assert effect(edits) > 0.5
    for seed in range(3):
        r = torch.randn(576, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        assert abs(effect(SiteEdits(dict.fromkeys(edits, AffineEdit.projection(r))))) < 0.1


def test_every_sublayer_is_guarded_and_random_subspaces_guard_nothing(stage: ConceptStage) -> None:
    bench = Bench.of(stage, stage.ground(SITE).fit, SITE)
    damage = {}
    for kind, (low, high) in {"leace": (0.0, 1e-3), "random": (0.3, 2.0)}.items():
        edits = get_method(f"concept-scrubbing(kind={kind})").build().fit_on(bench, seed=0)
        assert len(edits) == 60
        residuals = guard_residuals(stage.arrivals(edits, [*edits]))
        assert low <= np.median(residuals) <= high, (kind, residuals)
        assert max(residuals) <= high, (kind, residuals)
        before, after = stage.corpus.reference, stage.corpus.run(SITE, edits)
        damage[kind] = float((after.nll.sum() - before.nll.sum()) / before.counts.sum())
    assert all(np.isfinite(value) for value in damage.values()), damage

    nothing = SiteEdits({site: IdentityEdit(576) for site in edits})
    assert np.array_equal(stage.corpus.run(SITE, nothing).nll, stage.corpus.reference.nll)
