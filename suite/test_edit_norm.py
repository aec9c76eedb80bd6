"""How large is the edit?"""

from interpmark.reports.scorecard import Scorecard

from .assertions import scored, within


def test_edit_norm(scorecard: Scorecard) -> None:
    within(scored(scorecard, "edit_norm"), 0.0, float("inf"))
