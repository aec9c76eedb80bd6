"""Does a steerer move the subject's answers, and what does it cost?"""

import pytest

from interpmark.reports.scorecard import Scorecard

from .assertions import scored


@pytest.mark.interp_kinds("steerer")
def test_steering_effect(scorecard: Scorecard) -> None:
    scored(scorecard, "steering_effect")
    sweep = scorecard.sweep
    assert sweep is not None
    assert len(sweep.points) >= 7 or sweep.strengths == (-1.0, 0.0, 1.0)  # an instruction has no other strengths
    assert min(sweep.strengths) < 0 < max(sweep.strengths)
