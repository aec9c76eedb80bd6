"""Effects by class and by template, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from interpmark.reports.estimate import Estimate
from interpmark.reports.recipes import recipe_of
from interpmark.suite.measures import class_effects, template_effects

N = 120
Z = np.arange(N) % 2
ENTITIES = np.arange(N) // 2 // 2 * 2 + Z  # two prompts an entity, each entity of one class
TEMPLATES = np.arange(N) // 4 % 3


def before(seed: int = 0) -> np.ndarray:
    return 2 + 0.2 * np.random.default_rng(seed).standard_normal(N)


def by_name(estimates: list[Estimate]) -> dict[str, Estimate]:
    return {one.measure: one for one in estimates}


def test_a_subject_that_always_gives_one_answer_is_told_from_one_that_was_erased() -> None:
    g = before()
    constant = np.where(Z == 0, g, -g)  # class 0's answers whatever the prompt says
    found = by_name(class_effects(g, constant, Z, ENTITIES)[0])
    assert 1 - constant.sum() / g.sum() == pytest.approx(1, abs=0.05)
    assert found["behavior_effect_lowest_class"].value == pytest.approx(0)
    assert found["behavior_effect_highest_class"].value == pytest.approx(2)
    erased = by_name(class_effects(g, 0 * g, Z, ENTITIES)[0])
    assert {one.value for one in erased.values()} == {1.0}


def test_values_by_class_by_hand_and_an_interval_that_covers_them() -> None:
    g = before()
    after = np.where(Z == 0, 0.5, 1.5) * np.random.default_rng(1).normal(1, 0.3, N)
    found, examples = class_effects(g, after, Z, ENTITIES, ("she", "he"), seed=3)
    expected = [1 - after[k == Z].mean() / g[k == Z].mean() for k in (0, 1)]
    assert examples["behavior_effect_by_class"] == pytest.approx(expected)
    assert examples["behavior_class"] == Z.tolist()
    lowest, highest = found
    assert (highest.value, lowest.value) == pytest.approx(expected)
    assert lowest.low < lowest.value < lowest.high < highest.low < highest.value < highest.high
    assert (lowest.n, highest.n) == (60, 60)


def test_entities_and_not_prompts_are_drawn() -> None:
    g = before()
    by_entity = np.random.default_rng(1).standard_normal(N)[ENTITIES]
    clustered = class_effects(g, by_entity, Z, ENTITIES)[0][0]
    singly = class_effects(g, by_entity, Z, np.arange(N))[0][0]
    assert clustered.high - clustered.low > 1.2 * (singly.high - singly.low)


def test_a_class_that_the_subject_does_not_use_is_named() -> None:
    g = before()
    g[Z == 1] -= 2
    for one in class_effects(g, 0 * g, Z, ENTITIES, ("she", "he"))[0]:
        assert one.status == "not scored"
        assert "nats in he, not clearly above 0" in one.reason


def test_few_entities_of_many_classes_are_scored() -> None:
    z = np.arange(N) // 2 % 10
    g = before()
    found = by_name(class_effects(g, 0.1 * z, z, np.arange(N) // 2)[0])  # six entities a class: some draws lack one
    assert found["behavior_effect_lowest_class"].value == pytest.approx(1 - 0.9 / g[z == 9].mean())
    assert found["behavior_effect_highest_class"].value == 1


def test_the_worst_template_is_the_one_farthest_from_erased_on_either_side() -> None:
    g = before()
    found, examples = template_effects(g, np.array([0.1, 0.2, -1.0])[TEMPLATES], TEMPLATES, ENTITIES)
    assert found[0].value == pytest.approx(1 / g[TEMPLATES == 2].mean())
    assert np.argmax(examples["behavior_effect_by_template"]) == 2
    assert examples["behavior_template"] == TEMPLATES.tolist()


def test_the_recipes_of_the_gate_give_the_same_numbers() -> None:
    g, after = before(), np.array([0.1, 0.2, -1.0])[TEMPLATES] * (1 + Z)
    classes, by_class = class_effects(g, after, Z, ENTITIES)
    templates, by_template = template_effects(g, after, TEMPLATES, ENTITIES)
    examples = {**by_class, **by_template, "behavior_g_before": g.tolist(), "behavior_g_after": after.tolist()}
    for one in (*classes, *templates):
        recipe = recipe_of(one.measure, examples)
        assert recipe is not None
        assert recipe.statistic(recipe.table(examples).sum(axis=-1)) == pytest.approx(one.value)


def test_one_template_is_no_group() -> None:
    (found,), _ = template_effects(before(), before(1), np.zeros(N, dtype=np.int64), ENTITIES)
    assert (found.status, found.reason) == ("not scored", "the prompts are of one template")


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match=r"must be \[n\]"):
        class_effects(before(), before()[:5], Z, ENTITIES)
