"""Does a method keep the interface's contract?"""

import pytest

from .checks import run_check
from .errors import ContractError
from .session import CheckParameter
from .time_limit import time_limit


def test_contract(interp_check: CheckParameter) -> None:
    try:
        # The data are tiny: what takes a minute here hangs.
        with time_limit(min(60.0, interp_check.time_limit), f"the check {interp_check.check} of {interp_check.method}"):
            record = run_check(interp_check.method, interp_check.check)
    except ContractError as error:
        pytest.fail(str(error), pytrace=False)
    if record.status == "skipped":
        pytest.skip(record.message)
    if record.status == "failed":
        pytest.fail(record.message, pytrace=False)
