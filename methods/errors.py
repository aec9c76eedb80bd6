"""Errors of the methods room. Each names what was given, what is allowed, and the nearest valid thing."""

import difflib
from collections.abc import Iterable


class MethodError(ValueError):
    """Something is wrong with a method, its spec, its file, or what it was fitted on."""


class RegistrationError(MethodError):
    """A class cannot be registered as a method."""


class UnknownMethodError(MethodError):
    """No method of this name is registered."""


class SpecError(MethodError):
    """A method spec such as `inlp(rank=8)` cannot be read, or names a parameter or value that does not exist."""


class MethodSourceError(MethodError):
    """A method file or `module:attr` cannot be loaded."""


class EditError(MethodError):
    """An edit cannot be built, applied, saved or loaded."""


class FitError(MethodError):
    """A method cannot be fitted on the data given."""


class MethodWarning(UserWarning):
    """A plug-in could not be loaded; the rest goes on without it."""


def did_you_mean(given: str, allowed: Iterable[str]) -> str:
    """Return how a message goes on: `; did you mean 'x'?` when something allowed is near, else a full stop."""
    near = difflib.get_close_matches(given, list(allowed), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else "."
