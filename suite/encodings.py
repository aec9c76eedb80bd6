"""Plain characters for those that an output cannot show: there is no arrow in ASCII, Latin 1 or a code page of Windows.

`PLAINLY` is the name of an error handler, to be given as `errors=` where text is encoded.
"""

from __future__ import annotations

import codecs

PLAINLY = "interpmark.plainly"
_PLAIN = {"↓": "v", "↑": "^", "→": "->", "–": "-", "…": "...", "’": "'", "×": "x", "≤": "<=", "≥": ">=", "−": "-"}


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_PLAIN.get(character, "?") for character in error.object[error.start : error.end]), error.end


codecs.register_error(PLAINLY, _plainly)
