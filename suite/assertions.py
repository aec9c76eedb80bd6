"""What a scorecard must satisfy, whatever the score: measuring is apart from asserting."""

from __future__ import annotations

import pytest

from interpmark.reports.scorecard import Estimate, Scorecard

# Cells whose traceback a test of this session has printed; the cell's other tests fail by the same.
_printed: set[str] = set()


def fail_on_error(scorecard: Scorecard) -> None:
    """Fail the test with what the method did wrong when the cell is an error row."""
    if scorecard.error is None:
        return
    failure, again = scorecard.error, scorecard.key in _printed
    _printed.add(scorecard.key)
    rest = "The traceback stands with another test of this cell." if again else f"\n{failure.traceback}"
    told = [f"{failure.kind}: {failure.message}", failure.advice, rest]
    pytest.fail("\n".join(line for line in told if line), pytrace=False)


def scored(scorecard: Scorecard, measure: str) -> Estimate:
    """The estimate of `measure`; the test fails when the cell is in error and is skipped when it is not scored."""
    fail_on_error(scorecard)
    estimate = scorecard.estimate(measure)
    if estimate.status == "not scored":
        pytest.skip(f"{measure} is not scored here: {estimate.reason}")
    assert estimate.status == "ok", estimate.reason
    assert estimate.value is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= estimate.value <= estimate.high
    assert estimate.n > 0
    return estimate


def within(estimate: Estimate, low: float, high: float) -> None:
    """The estimate and its interval lie in the measure's range."""
    assert estimate.low is not None
    assert estimate.high is not None
    assert low <= estimate.low, f"{estimate.measure}: {estimate.low} is below {low}"
    assert estimate.high <= high, f"{estimate.measure}: {estimate.high} is above {high}"
