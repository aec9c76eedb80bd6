"""How often the gate is red when nothing changed; docs/gating.md has the rates on real scorecards."""

from __future__ import annotations

from typing import Any

import numpy as np

from interpmark.reports.gate import Rule, compare

from .conftest import MEASURES, examples_of, run_of

RULES = [Rule(measure, 0.0) for measure in MEASURES]
RERUNS = 200
# More than so many of 200 reruns would be red once in a hundred times if a twentieth is the true rate.
MOST = 18


def rerun(seed: int) -> dict[str, Any]:
    """The same cell with noise of its own on every example; prompts of an entity share half of it."""
    rng = np.random.default_rng(seed)
    base = examples_of()
    groups, n = np.array(base["groups"]), len(base["groups"])
    noise = rng.normal(0, 0.2, groups.max() + 1)[groups] + rng.normal(0, 0.2, n)
    correct = np.array(base["residual_correct"])
    changed = rng.random(60)[groups] < 0.2  # whole entities are read otherwise
    return {
        **base,
        "residual_correct": np.where(changed & (rng.random(n) < 0.5), rng.random(n) < correct.mean(), correct).astype(
            int
        ),
        "edit_squared_size": np.array(base["edit_squared_size"]) * np.exp(noise),
        "behavior_g_after": np.array(base["behavior_g_after"]) + noise,
        "document_damage": np.array(base["document_damage"]) + rng.normal(0, 1, 70),
    }


def test_an_unchanged_method_with_new_noise_is_red_at_most_at_the_nominal_rate() -> None:
    reds = sum(compare([run_of(rerun(2 * i))], [run_of(rerun(2 * i + 1))], RULES).exit_code == 1 for i in range(RERUNS))
    assert reds <= MOST


def test_without_holm_the_same_reruns_are_red_too_often() -> None:
    """The check of the check: four tests at a twentieth each are red more often than one."""
    hits = 0
    for i in range(RERUNS):
        changes = compare([run_of(rerun(2 * i))], [run_of(rerun(2 * i + 1))], RULES).changes
        hits += any(c.difference is not None and c.difference.p <= 0.05 for c in changes)
    assert hits > MOST
