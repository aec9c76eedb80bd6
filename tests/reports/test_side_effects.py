"""The table of side effects, from what scorecards keep."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from interpmark.reports.scorecard import Scorecard
from interpmark.reports.side_effects import (
    side_effects,
    side_effects_json,
    side_effects_markdown,
    side_effects_text,
)


@pytest.fixture
def cards(make_card: Callable[..., Scorecard]) -> list[Scorecard]:
    def card(method: str, seed: int, *values: Any, **rest: Any) -> Scorecard:
        examples = {
            "side_effect_concepts": ["number", "te|nse"],
            "side_effect_values": [None if value is None else [value, value - 0.1, value + 0.1] for value in values],
            "side_effect_reasons": ["" if value is not None else "too little behavior" for value in values],
            "side_effect_g_before": [[1.0] * 9, [1.0] * 7],
        }
        return make_card(method, seed=seed, scores={"behavior_effect": 1.0}, examples=examples, **rest)

    return [
        card("identity", 0, 0.0, None, role="control"),
        card("leace", 0, 0.2, None),
        card("leace", 1, 0.4, None),
        make_card("inlp"),  # of a run that did not ask
    ]


def test_methods_are_rows_and_concepts_columns(cards: list[Scorecard]) -> None:
    (table,) = side_effects(cards, "gender@*")
    assert table.others == ("number", "te|nse")
    assert list(table.effects) == ["leace", "identity"]
    assert table.own["leace"].value == 1.0
    pooled = table.effects["leace"]["number"]
    assert pooled.value == pytest.approx(0.3)
    assert pooled.low < 0.2 < 0.4 < pooled.high  # the seeds differ
    assert table.effects["leace"]["te|nse"].status == "not scored"


def test_text_markdown_and_json(cards: list[Scorecard]) -> None:
    tables = side_effects(cards)
    assert "– in te|nse: too little behavior" in side_effects_text(tables)
    assert "| method | gender (own) | number | te\\|nse |" in side_effects_markdown(tables)
    (fixture,) = json.loads(side_effects_json(tables))["fixtures"]
    assert fixture["methods"][1]["others"]["number"]["value"] == 0.0


def test_a_run_that_did_not_ask_is_told_how(make_card: Callable[..., Scorecard]) -> None:
    with pytest.raises(ValueError, match="--interp-cross"):
        side_effects([make_card()])
