"""What goes wrong, told so that the reader can mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UsageError(ValueError):
    """A run was asked for something that does not exist or cannot work."""


class ContractError(RuntimeError):
    """A method did not keep its side of the interface."""


class InterpmarkWarning(UserWarning):
    """Something about the subject or the data that spoils scores without being an error."""


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """`"; did you mean 'leace'?"` when something near is allowed, else nothing."""
    near = difflib.get_close_matches(given, list(allowed), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else ""
