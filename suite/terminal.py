"""Text of several lines for pytest's terminal, whatever characters that can show.

pytest writes what cannot be encoded with escapes, and a line feed is one of them: a table with a single arrow in it
would become one long line where the output is in ASCII, Latin 1 or a code page of Windows.
"""

from __future__ import annotations

import pytest

from .encodings import PLAINLY


def write_text(terminal: pytest.TerminalReporter, text: str) -> None:
    """Write a text line by line."""
    encoding = getattr(terminal._tw._file, "encoding", None) or "utf-8"
    for line in text.split("\n"):
        terminal.write_line(encodable(line, encoding))


def encodable(line: str, encoding: str) -> str:
    """Return the line with plain characters for those that an encoding lacks."""
    return line.encode(encoding, PLAINLY).decode(encoding)
