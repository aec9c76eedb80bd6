"""Does a method keep the interface's contract?"""

import pytest

from .checks import run_check
from .session import CheckParameter


def test_contract(interp_check: CheckParameter) -> None:
    record = run_check(interp_check.method, interp_check.check)
    if record.status == "skipped":
        pytest.skip(record.message)
    assert record.status == "passed", record.message
