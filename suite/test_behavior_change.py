"""Does the subject behave differently with the edit in place?"""

import pytest

from interpmark.reports.scorecard import Scorecard

from .assertions import scored, within


@pytest.mark.interp_kinds("eraser")
def test_behavior_change(scorecard: Scorecard) -> None:
    scored(scorecard, "behavior_effect")
    within(scored(scorecard, "behavior_flip_rate"), 0.0, 1.0)
    within(scored(scorecard, "behavior_tv_on_target"), 0.0, 1.0)
