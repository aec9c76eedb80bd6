"""What does the edit cost on neutral text?"""

from interpmark.reports.scorecard import Scorecard

from .assertions import scored, within


def test_perplexity_damage(scorecard: Scorecard) -> None:
    scored(scorecard, "perplexity_damage")
    within(scored(scorecard, "behavior_tv_off_target"), 0.0, 1.0)
    within(scored(scorecard, "edit_norm_off_target"), 0.0, float("inf"))
