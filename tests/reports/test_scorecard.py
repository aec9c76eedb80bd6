import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpmark.reports import (
    SCHEMA,
    CellId,
    Estimate,
    Failure,
    Scorecard,
    ScorecardError,
    Scorecards,
    Sweep,
    SweepPoint,
)
from interpmark.reports.scorecard import Claim, Sample, SchemaError

Make = Callable[..., Scorecard]

finite = st.floats(allow_nan=False, allow_infinity=False)
names = st.text(max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def estimates(draw: st.DrawFn) -> tuple[Estimate, ...]:
    measures = draw(st.lists(st.sampled_from(["edit_norm", "guard_residual", "my own", "fit_seconds"]), unique=True))
    made = []
    for measure in measures:
        if draw(st.booleans()):
            made.append(Estimate.not_scored(measure, draw(st.text(min_size=1).filter(str.strip))))
        else:
            low, value, high = sorted(draw(st.tuples(finite, finite, finite)))
            made.append(Estimate.scored(measure, (value, low, high), draw(st.integers(1, 10**6)), draw(names)))
    return tuple(made)


@st.composite
def sweeps(draw: st.DrawFn) -> Sweep:
    strengths = sorted(draw(st.sets(finite, min_size=2, max_size=4)))
    estimate = st.builds(Estimate.exact, st.sampled_from(["steering_effect", "perplexity_damage"]), finite)
    chosen = st.none() | st.sampled_from(strengths)
    points = tuple(SweepPoint(s, draw(estimate), draw(estimate), draw(estimate)) for s in strengths)
    return Sweep(points, draw(chosen), draw(chosen))


scorecards = st.builds(
    Scorecard,
    schema=st.just(SCHEMA),
    key=names,
    cell=st.builds(CellId, names, names, names, names, names, names, st.integers(0, 2**63 - 1)),
    estimates=estimates(),
    examples=st.dictionaries(names, st.lists(json_values, max_size=4), max_size=3),
    claims=st.lists(st.builds(Claim, names, st.booleans(), st.none() | finite, finite, names), max_size=2).map(tuple),
    provenance=st.dictionaries(names, json_values, max_size=4),
    error=st.none() | st.builds(Failure, names, names, names, names),
    role=st.sampled_from(["method", "control", "oracle"]),
    samples=st.lists(st.builds(Sample, st.text(), st.text(), st.text()), max_size=2).map(tuple),
    sweep=st.none() | sweeps(),
)


@given(scorecards)
def test_json_gives_back_the_scorecard_and_the_same_bytes(card: Scorecard) -> None:
    text = card.to_json()
    again = Scorecard.from_json(text)
    assert again == card
    assert again.to_json() == text
    assert hash(again) == hash(card)


@given(scorecards)
def test_json_is_strict_json(card: Scorecard) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(card.to_json(), parse_constant=refuse)


@pytest.mark.parametrize("bad", [math.nan, math.inf, np.array([1.0, np.nan]), [[0.0, [-math.inf]]]])
def test_nan_and_infinity_are_refused_and_located(bad: object, make_card: Make) -> None:
    with pytest.raises(ValueError, match=r"examples\.gap.* is (nan|-?inf).*use None"):
        make_card(examples={"gap": bad})


def test_what_json_cannot_hold_is_refused(make_card: Make) -> None:
    with pytest.raises(TypeError, match=r"examples\.gap is a set"):
        make_card(examples={"gap": {1, 2}})
    with pytest.raises(TypeError, match="JSON keys are text"):
        make_card(examples={"gap": {1: 2}})


def test_numpy_becomes_plain_data_and_is_copied(make_card: Make) -> None:
    gap = np.arange(4, dtype=np.float32).reshape(2, 2)
    card = make_card(examples={"gap": gap, "flips": (np.int64(1), np.bool_(True), None, "x")})
    gap[:] = 7
    assert card.examples == {"gap": [[0.0, 1.0], [2.0, 3.0]], "flips": [1, True, None, "x"]}


def test_key_order_does_not_change_the_bytes(make_card: Make) -> None:
    one, two = make_card(examples={"a": [1], "b": [2]}), make_card(examples={"b": [2], "a": [1]})
    assert one.to_json() == two.to_json()


@pytest.mark.parametrize("schema", [SCHEMA + 1, 0, "1", None, True])
def test_another_schema_is_an_error_that_names_both_versions(schema: Any, make_card: Make) -> None:
    data = json.loads(make_card().to_json()) | {"schema": schema}
    with pytest.raises(SchemaError, match=f"schema {schema!r}, but this interpmark reads schema {SCHEMA}"):
        Scorecard.from_json(json.dumps(data))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"schema": 1}', '{"schema": 1, "key": NaN}', b"\xff\xfe"]
)
def test_text_that_is_no_scorecard_is_a_scorecard_error(text: str | bytes) -> None:
    with pytest.raises(ScorecardError):
        Scorecard.from_json(text)


@pytest.mark.parametrize(
    "change", [{"surprise": 1}, {"cell": None}, {"estimates": 3}, {"estimates": [{}]}, {"role": "x"}]
)
def test_wrong_fields_are_a_scorecard_error(change: dict[str, Any], make_card: Make) -> None:
    data = json.loads(make_card().to_json())
    with pytest.raises(ScorecardError):
        Scorecard.from_json(json.dumps(data | change))
    data.pop("provenance")
    with pytest.raises(ScorecardError, match="lacks \\['provenance'\\]"):
        Scorecard.from_json(json.dumps(data))


@pytest.mark.parametrize(
    ("strengths", "chosen", "message"),
    [
        ((1.0,), None, "at least two strengths"),
        ((1.0, 0.0), None, "finite and ascend"),
        ((0.0, 0.0), None, "finite and ascend"),
        ((0.0, math.nan), None, "finite and ascend"),
        ((0.0, 1.0), 2.0, "the chosen strength 2.0 is none of the sweep's"),
    ],
)
def test_a_sweep_is_in_order(strengths: tuple[float, ...], chosen: float | None, message: str) -> None:
    one = Estimate.exact("steering_effect", 1.0)
    with pytest.raises(ValueError, match=message):
        Sweep(tuple(SweepPoint(s, one, one, one) for s in strengths), chosen)


def test_a_damaged_sweep_is_a_scorecard_error(make_card: Make) -> None:
    one = Estimate.exact("steering_effect", 1.0)
    sweep = Sweep(tuple(SweepPoint(s, one, one, one) for s in (0.0, 1.0)))
    text = dataclasses.replace(make_card(), sweep=sweep).to_json()
    assert Scorecard.from_json(text).sweep == sweep
    data = json.loads(text)
    data["sweep"]["points"][0].pop("damage")
    with pytest.raises(ScorecardError, match="damage"):
        Scorecard.from_json(json.dumps(data))


def test_infinity_written_as_a_large_number_is_refused(make_card: Make) -> None:
    text = make_card(scores={"edit_norm": Estimate.exact("edit_norm", 12345.0)}).to_json()
    with pytest.raises(ScorecardError, match="not all finite"):
        Scorecard.from_json(text.replace("12345.0", "1e999"))


@pytest.mark.parametrize("numbers", [(math.nan, 1.0), (math.inf, 1.0), (0.0, math.nan)])
def test_a_claims_numbers_are_finite(numbers: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"idempotent: .* not all finite"):
        Claim("idempotent", False, *numbers)


def test_a_measure_has_one_estimate() -> None:
    twice = (Estimate.exact("edit_norm", 1), Estimate.exact("edit_norm", 2))
    cell = CellId("leace", "eraser", "gender", "s", "resid_post.1", "last", 0)
    with pytest.raises(ValueError, match="more than one estimate of edit_norm"):
        Scorecard(SCHEMA, "k", cell, twice)


def test_a_fixture_is_named_by_concept_subject_site_and_slot(make_card: Make) -> None:
    assert str(make_card().cell) == "leace-gender@smollm2-135m/resid_post.26:last-s0"
    assert str(make_card(concept="planted-gaussian", subject="").cell) == "leace-planted-gaussian-s0"


def test_status_and_lookup(make_card: Make) -> None:
    card = make_card()
    assert card.status == "ok"
    assert card.estimate("edit_norm").value == 0.2
    with pytest.raises(KeyError, match="no estimate of 'edit_nrom'; it has residual_accuracy, edit_norm"):
        card.estimate("edit_nrom")
    assert make_card(error=Failure("ValueError", "no")).status == "error"
    assert make_card(scores={"edit_norm": Estimate.not_scored("edit_norm", "why")}).status == "not scored"


def test_results_leave_out_costs_and_provenance_and_nothing_else(make_card: Make) -> None:
    def run(seconds: float, accuracy: float, gap: float) -> dict[str, Any]:
        scores = {"residual_accuracy": accuracy, "fit_seconds": Estimate.exact("fit_seconds", seconds)}
        card = make_card(scores=scores, examples={"gap": [gap]}, finished=f"2026-01-0{seconds:.0f}")
        return dataclasses.replace(card, key="same").results()

    assert run(1, 0.6, 2.0) == run(2, 0.6, 2.0)
    assert run(1, 0.6, 2.0) != run(1, 0.6000000001, 2.0)
    assert run(1, 0.6, 2.0) != run(1, 0.6, 2.0000000001)


def test_scorecards_are_a_sequence(make_card: Make) -> None:
    cards = Scorecards([make_card("a"), make_card("b"), make_card("c")])
    assert [card.cell.method for card in cards] == ["a", "b", "c"]
    assert isinstance(cards[1:], Scorecards)
    assert cards[1:] == Scorecards([make_card("b"), make_card("c")])
    assert len(cards) == 3
    assert cards[-1].cell.method == "c"
