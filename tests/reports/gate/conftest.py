"""Runs to compare: scorecards with per-example scores, made to differ by known amounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from interpmark.reports import CellId, Estimate, Scorecard
from interpmark.reports.recipes import recipe_of
from interpmark.reports.scorecard import SCHEMA, Failure

N_CLUSTERS, ROWS = 60, 4

Examples = dict[str, Any]


def examples_of(seed: int = 0, *, clusters: int = N_CLUSTERS) -> Examples:
    """Per-example scores of a cell on a subject: an accuracy near 0.7, an edit, a behavior and documents."""
    rng = np.random.default_rng(seed)
    n = clusters * ROWS
    groups = np.repeat(np.arange(clusters), ROWS)
    liking = rng.normal(0.3, 0.3, clusters)[groups]
    g = rng.gamma(4.0, 0.5, n)
    return {
        "groups": groups,
        "residual_correct": (rng.random((6, n)) < np.clip(0.55 + liking / 2, 0, 1)).astype(int),
        "edit_squared_size": rng.gamma(2.0, 1.0, n),
        "squared_deviation": rng.gamma(5.0, 4.0, n),
        "behavior_g_before": g,
        "behavior_g_after": 0.3 * g + rng.normal(0, 0.3, n),
        "document_damage": rng.normal(3.0, 4.0, 70),
        "document_tokens": rng.integers(60, 120, 70),
    }


MEASURES = ("residual_accuracy", "edit_norm", "behavior_effect", "perplexity_damage")


def run_of(
    examples: Mapping[str, Any] | None = None,
    *,
    method: str = "leace",
    kind: str = "eraser",
    concept: str = "gender",
    seed: int = 0,
    error: Failure | None = None,
    costs: Mapping[str, float] | None = None,
    finished: str = "2026-01-01T12:00:00+00:00",
    versions: Mapping[str, int] | None = None,
    **provenance: Any,
) -> Scorecard:
    """A scorecard whose values are what its examples give."""
    given = {} if error else dict(examples_of() if examples is None else examples)
    estimates = []
    for measure in MEASURES:
        recipe = recipe_of(measure, given)
        if recipe is not None:
            table = recipe.table(given)
            value = float(recipe.statistic(table.sum(axis=-1, keepdims=True))[0])
            estimates.append(Estimate.scored(measure, (value, value - 0.1, value + 0.1), table.shape[-1]))
    estimates += [Estimate.exact(name, value) for name, value in (costs or {}).items()]
    cell = CellId(method, kind, concept, "smollm2-135m", "resid_post.26", "last", seed)
    own = {"finished": finished, "fixture_hash": "f1", "processor": "AMD", **provenance}
    return Scorecard(
        SCHEMA, f"{cell}-{finished}", cell, tuple(estimates), given, (), own, error, measure_versions=versions
    )  # fmt: skip


def worse(card: Scorecard, share: float, seed: int = 1) -> Scorecard:
    """The same cell where a share of the wrong answers has become right for every adversary."""
    rng = np.random.default_rng(seed)
    correct = np.array(card.examples["residual_correct"])
    lucky = rng.random(correct.shape[1]) < share
    changed = {**card.examples, "residual_correct": np.where(lucky, 1, correct)}
    remade = run_of(changed, seed=card.cell.seed, method=card.cell.method, concept=card.cell.concept)
    return replace(remade, provenance=card.provenance)


@pytest.fixture
def make_run() -> Callable[..., Scorecard]:
    return run_of
