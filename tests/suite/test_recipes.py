"""Scores follow from the per-example scores that a scorecard keeps: what compares two runs rests on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interpmark.reports import Estimate
from interpmark.reports.measures import MEASURES
from interpmark.reports.recipes import EXACT, RECIPES
from interpmark.suite import score
from interpmark.suite.ground import Split
from interpmark.suite.measures import (
    Answers,
    Swept,
    behavior_change,
    behavior_change_transfer,
    effect_at_damage,
    facts_change,
    residual_accuracy,
)

Replayed = Callable[[Iterable[Estimate], Mapping[str, Any]], set[str]]
ON_ROWS = {"residual_accuracy", "edit_norm", "edit_excess"}


def test_every_score_of_a_plain_run_has_a_recipe_or_is_exact() -> None:
    """What is measured only when asked for informs, and is neither ranked nor gated."""
    scores = {name for name, measure in MEASURES.items() if measure.group == "score" and not measure.asked}
    assert RECIPES.keys() | EXACT == scores


@pytest.mark.parametrize("fixture", ["planted-gaussian", "planted-rare-class", "planted-coordinates"])
@pytest.mark.parametrize("method", ["inlp(rank=4)", "identity"])
def test_scores_on_planted_rows_are_replayed(fixture: str, method: str, replayed: Replayed, tmp_path: Path) -> None:
    card = score(method, fixture, store=tmp_path)
    classes = {"linear_information"} if fixture != "planted-coordinates" else set()
    assert replayed(card.estimates, card.examples) == ON_ROWS | classes


def test_transfer_rows_have_clusters_of_their_own(replayed: Replayed) -> None:
    """Two labels of different scale: R2 is a mean over labels, each with its own deviation."""
    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        x = torch.tensor(rng.normal(size=(n, 5)))
        z = x[:, :2] * torch.tensor([1.0, 50.0]) + torch.tensor(rng.normal(size=(n, 2)))
        return Split(x, z, np.arange(n) // 2 + 7)

    splits = {name: split(n) for name, n in {"fit": 60, "probe": 40, "test": 30, "transfer": 16}.items()}
    estimates, examples = residual_accuracy(splits, splits["fit"])
    assert replayed(estimates, examples) == {"residual_accuracy", "residual_accuracy_transfer"}
    assert examples["groups_transfer"] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]


def test_behavior_is_replayed(replayed: Replayed) -> None:
    g = torch.Generator().manual_seed(0)
    z = torch.arange(40) % 2
    before = (torch.randn(40, 6, generator=g) + 2 * torch.eye(6)[z]).log_softmax(1)
    after = (before + torch.randn(40, 6, generator=g)).log_softmax(1)
    groups, answers = np.arange(40) // 4, [torch.tensor([0]), torch.tensor([1])]
    here, there = (change(before, after, answers, z, groups) for change in (behavior_change, behavior_change_transfer))
    names = {"behavior_effect", "behavior_flip_rate"}
    both = replayed([*here[0], *there[0]], {**here[1], **there[1]})
    assert both == names | {f"{name}_transfer" for name in names} | {"behavior_tv_on_target"}
    estimates, examples = facts_change(before, after, z, 1 - z, groups)
    # The concept has rows of its own beside the facts, in other clusters.
    assert replayed(estimates, {**examples, "groups": [0, 0, 1]}) == names | {"behavior_tv_on_target"}


def test_an_effect_at_a_damage_is_replayed(replayed: Replayed) -> None:
    rng = np.random.default_rng(0)
    z = np.arange(40) % 2
    before = Answers(4.0 * z - 2 + rng.normal(size=40), z, np.arange(40) // 4)
    after = np.array([before.h + strength * before.gap + rng.normal(size=40) for strength in (-1, 0, 1)])
    damage = np.outer((0.5, 0.0, 0.4), np.full(9, 20.0))
    swept = Swept((-1, 0, 1), after, damage, np.full(9, 20))
    scored = effect_at_damage("steering_effect_at_0.3", 0.3, swept, before)
    assert replayed(*scored) == {"steering_effect_at_0.3"}
