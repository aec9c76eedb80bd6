import math

import numpy as np
import pytest

from interpmark.reports import MEASURES, Estimate, headlines, measures_for
from interpmark.reports.measures import ASKED


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_scored_estimate_has_three_finite_numbers(bad: float | None, place: int) -> None:
    numbers: list[float | None] = [0.5, 0.4, 0.6]
    numbers[place] = bad
    with pytest.raises(ValueError, match=r"edit_norm: .* not all finite; use Estimate.not_scored"):
        Estimate("edit_norm", numbers[0], numbers[1], numbers[2], 10, "")


@pytest.mark.parametrize(("value", "low", "high"), [(0.3, 0.4, 0.6), (0.7, 0.4, 0.6), (0.5, 0.6, 0.4)])
def test_the_value_lies_in_its_interval(value: float, low: float, high: float) -> None:
    with pytest.raises(ValueError, match="outside its interval"):
        Estimate("edit_norm", value, low, high, 10, "")


def test_not_scored_holds_a_reason_and_no_number() -> None:
    estimate = Estimate.not_scored("behavior_effect", "no behavior")
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (None, None, None, 0)
    assert (estimate.status, estimate.reason, estimate.unit) == ("not scored", "no behavior", "ratio")
    with pytest.raises(ValueError, match="a reason is due"):
        Estimate.not_scored("behavior_effect", " ")
    with pytest.raises(ValueError, match="are None"):
        Estimate("behavior_effect", 0.0, None, None, 0, "", "not scored", "why")


def test_unknown_status_and_negative_n_are_refused() -> None:
    with pytest.raises(ValueError, match="'fine' is none of ok, not scored, error"):
        Estimate("edit_norm", 1.0, 1.0, 1.0, 1, "", "fine")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="n is -1"):
        Estimate("edit_norm", 1.0, 1.0, 1.0, -1, "")


def test_numpy_numbers_become_plain_ones() -> None:
    estimate = Estimate.scored("edit_norm", (np.float32(0.5), np.float64(0.25), np.float32(1)), np.int64(3))
    assert [type(part) for part in (estimate.value, estimate.low, estimate.high, estimate.n)] == [float] * 3 + [int]


def test_every_measure_of_the_interface_is_in_the_catalogue() -> None:
    expected = """residual_accuracy majority_rate linear_information guard_residual edit_norm edit_norm_off_target
        edit_excess behavior_effect behavior_flip_rate behavior_tv_on_target behavior_tv_off_target perplexity_damage
        fit_seconds unedited_accuracy residual_accuracy_transfer behavior_effect_transfer
        behavior_flip_rate_transfer apply_seconds peak_memory_mb steering_effect steering_effect_towards
        behavior_effect_lowest_class behavior_effect_highest_class behavior_worst_template
        behavior_swap_success behavior_swap_unedited side_effect_largest nonlinear_accuracy generated_perplexity
        generated_perplexity_unedited generated_distinct_2 generated_repetition_4
        behavior_unedited steering_effect_away steering_effect_at_0.1 steering_effect_at_0.3"""
    assert set(MEASURES) == set(expected.split())


def test_each_kind_of_method_has_its_measures() -> None:
    assert "residual_accuracy" in headlines("eraser")
    assert not set(headlines("eraser")) & {name for name in MEASURES if name.startswith("steering")}
    assert headlines("steerer")[:3] == ("steering_effect", "steering_effect_at_0.1", "steering_effect_at_0.3")
    assert not set(measures_for("steerer")) & {"residual_accuracy", "unedited_accuracy", "behavior_effect"}
    assert {"perplexity_damage", "edit_norm", "fit_seconds"} <= set(measures_for("eraser")) & set(
        measures_for("steerer")
    )
    assert set(headlines("steerer")) <= set(measures_for("steerer"))


def test_what_is_not_asked_for_is_left_out() -> None:
    asked = {measure.asked for measure in MEASURES.values()} - {""}
    assert asked == set(ASKED)
    assert not {MEASURES[name].asked for name in measures_for("eraser")} - {""}
    assert set(measures_for("eraser", ["cross"])) - set(measures_for("eraser")) == {"side_effect_largest"}
    assert set(measures_for("steerer", ["cross", "nonlinear"])) == set(measures_for("steerer"))
    assert not any(measure.headline for measure in MEASURES.values() if measure.asked)


def test_directions_for_a_steerer() -> None:
    assert MEASURES["steering_effect"].direction("steerer") == "higher"
    assert MEASURES["perplexity_damage"].direction("steerer") == "lower"
    assert MEASURES["edit_norm"].direction("steerer") == "context"


def test_directions_for_an_eraser() -> None:
    assert MEASURES["residual_accuracy"].direction("eraser") == "lower"
    assert MEASURES["behavior_effect"].direction("eraser") == "one"
    assert MEASURES["behavior_tv_on_target"].direction("eraser") == "context"
    assert MEASURES["residual_accuracy"].direction("no such kind") == "context"
