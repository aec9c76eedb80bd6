"""What the tests of all packages share: an environment that is the same on every machine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

# They change what pytest and its reports print; a test that is about one of them sets it.
_OF_THE_CALLER = ("CI", "BUILD_NUMBER", "COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "PY_COLORS", "PYTEST_ADDOPTS")


@pytest.fixture(scope="session", autouse=True)
def plain_environment() -> Iterator[None]:
    """Leave out what a CI service or a terminal sets, also for the processes that tests start."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [*_OF_THE_CALLER, *(name for name in os.environ if name.startswith("GITHUB_"))]:
            patch.delenv(name, raising=False)
        yield
