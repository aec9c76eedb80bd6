"""Does a method keep what it claims, on the data it was fitted on?"""

import pytest

from interpmark.reports.scorecard import Scorecard

from .assertions import fail_on_error


def test_claims(scorecard: Scorecard) -> None:
    fail_on_error(scorecard)
    if not scorecard.claims:
        pytest.skip(f"{scorecard.cell.method} claims nothing here")
    broken = [f"{claim.name}: {claim.message}" for claim in scorecard.claims if not claim.holds]
    if broken:
        pytest.fail("; ".join(broken), pytrace=False)
