"""A row of the results: one work, done by this project and by a peer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tabulate import tabulate


@dataclass(frozen=True)
class Row:
    """What was measured.

    Attributes:
        work: What was done.
        peer: Who else did it.
        ours_s: Median seconds of this project; None where nothing was run.
        peer_s: Median seconds of the peer.
        ratio: Median over repetitions of the peer's seconds over ours: above 1 this project is faster. For `growth` it
            is the growth in time over the growth in size, and for `profile` the share of the wall time.
        ours_mb: Largest peak memory of our process, in MiB.
        peer_mb: Largest peak memory of the peer's.
        spread: (max - min) / median of the repetitions' ratios; 0 for a single repetition.
        note: Whether both sides gave the same, and what else is worth knowing.

    """

    work: str
    peer: str
    ours_s: float | None
    peer_s: float | None
    ratio: float | None
    ours_mb: float | None
    peer_mb: float | None
    spread: float | None
    note: str = ""


def to_text(rows: Sequence[Row]) -> str:
    """The rows as a table, notes below it."""
    headers = ["work", "peer", "ours s", "peer s", "ratio", "ours MiB", "peer MiB", "spread"]
    cells = [
        [
            row.work,
            row.peer,
            _number(row.ours_s, ".3f"),
            _number(row.peer_s, ".3f"),
            _number(row.ratio, ".2f"),
            _number(row.ours_mb, ".0f"),
            _number(row.peer_mb, ".0f"),
            _number(row.spread, ".0%"),
        ]
        for row in rows
    ]
    table = tabulate(cells, headers, disable_numparse=True, colalign=("left", "left", *["right"] * 6))
    notes = [f"{row.work}: {row.note}" for row in rows if row.note]
    return "\n".join([table, "", *notes]).rstrip()


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def read_json(path: Path) -> list[Row]:
    """The rows that `write_json` wrote."""
    return [Row(**fields) for fields in json.loads(path.read_text(encoding="utf-8"))]


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as a list of objects."""
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", encoding="utf-8")
