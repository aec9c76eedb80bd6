"""Methods from installed packages: entry points of the group `interpmark.methods`."""

import warnings
from functools import cache
from importlib.metadata import entry_points

from interpmark.methods import registry
from interpmark.methods.errors import MethodWarning

GROUP = "interpmark.methods"


@cache
def load_plugins() -> tuple[str, ...]:
    """Import every installed plug-in once; return the names of those that failed, each with a warning."""
    failed = []
    for entry_point in sorted(entry_points(group=GROUP), key=lambda e: e.name):
        before = dict(registry.registered())
        try:
            entry_point.load()
        except Exception as error:  # one package's fault must not take the others' methods away
            registry.restore(before)
            failed.append(entry_point.name)
            warnings.warn(
                f"the method plug-in {entry_point.name!r} ({entry_point.value}) could not be loaded: "
                f"{type(error).__name__}: {error}; update or uninstall the package that it comes from",
                MethodWarning,
                stacklevel=2,
            )
    return tuple(failed)
