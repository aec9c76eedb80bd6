"""The command line.

Listing and reading results must start at once: everything heavy is imported by the command that needs it.
"""

from __future__ import annotations

# Each module adds its commands; `--help` lists them in this order.
from .commands import looking, reading, sharing  # noqa: F401
from .commands.application import app

__all__ = ["app"]
