"""Is the concept still linearly readable after the edit?"""

import pytest

from interpmark.reports.scorecard import Scorecard

from .assertions import scored, within


@pytest.mark.interp_kinds("eraser")
def test_residual_accuracy(scorecard: Scorecard) -> None:
    residual = scored(scorecard, "residual_accuracy")
    if residual.unit == "R2":  # continuous labels: a useless adversary may do worse than the mean
        within(residual, float("-inf"), 1.0)
        return
    within(residual, 0.0, 1.0)
    within(scored(scorecard, "majority_rate"), 0.0, 1.0)
    within(scored(scorecard, "unedited_accuracy"), 0.0, 1.0)
    within(scored(scorecard, "guard_residual"), 0.0, float("inf"))
