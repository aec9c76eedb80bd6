"""Settings of the repository's own test sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

_OWN_TESTS = Path(__file__).parent / "tests"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In the project's own tests a warning is an error; in a scoring run it is the user's to read."""
    for item in items:
        if item.path.is_relative_to(_OWN_TESTS):
            item.add_marker(pytest.mark.filterwarnings("error"), append=False)
