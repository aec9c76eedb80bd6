"""The subject made ready while the first cells, which need none, are scored on a single core."""

from __future__ import annotations

import os
from collections.abc import Sequence

from interpmark.fixtures.subjects.ahead import Preparation, prepare_ahead

from .cells import Cell, EmbeddingFixture, SubjectFixture


class SubjectAhead:
    """The subject of some cells, which another process fetches and unpacks.

    A worker of pytest-xdist leaves it to the workers whose first cells are on the subject.

    Args:
        subject: Its specification.
        wanted: The cells that will be asked for.

    """

    def __init__(self, subject: str, wanted: Sequence[Cell]) -> None:
        self._subject = subject
        self._later = any(map(needs_subject, wanted)) and "PYTEST_XDIST_WORKER" not in os.environ
        self._preparation: Preparation | None = None

    def may_begin(self, cell: Cell) -> bool:
        """Whether the subject could be made ready while this cell is scored."""
        return self._later and not needs_subject(cell)

    def begin(self) -> None:
        """Make it ready from now on; there is nothing to begin twice."""
        self._later = False
        self._preparation = prepare_ahead(self._subject)

    def stop(self) -> None:
        """End what still runs."""
        if self._preparation is not None:
            self._preparation.stop()


def needs_subject(cell: Cell) -> bool:
    """Whether the subject is loaded for the cell."""
    return isinstance(cell.fixture, SubjectFixture | EmbeddingFixture)
