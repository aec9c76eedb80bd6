"""Agreement: the cosines between the directions of all methods on a fixture, as a matrix.

For subspaces the cosine is that of the smallest principal angle; the others are in the JSON. The metric is the raw one
of activations, xᵀy: a store holds edits and no activations, so there is no covariance to weigh directions by. A cosine
near 0 between two read directions therefore says that they are different lines, and not that what they read is
uncorrelated.
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from interpmark.reports.directions import Directions, NoDirectionsError, cosines, directions_in
from interpmark.reports.jsontext import dumps
from interpmark.reports.numbers import one_line, shortened
from interpmark.reports.rendering import escaped
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.selection import select
from interpmark.reports.store import Store

AGREEMENT_SCHEMA = 1
"""Version of the JSON that `to_json` writes."""
WAYS = ("read", "written")
_NAME_WIDTH = 32

Cosines = tuple[float, ...]


@dataclass(frozen=True)
class Matrix:
    """Cosines between the methods of one fixture, for the directions read or for those written.

    Attributes:
        way: `read` or `written`.
        methods: Those that have such directions, in the order of rows and columns.
        ranks: Dimensions of each.
        cosines: `[i][j]`, the cosines of the principal angles, the largest first; with a sign where both have a sense.

    """

    way: str
    methods: tuple[str, ...]
    ranks: tuple[int, ...]
    cosines: tuple[tuple[Cosines, ...], ...]


@dataclass(frozen=True)
class Agreement:
    """The matrices of one fixture.

    Attributes:
        fixture: Its id.
        d: Size of the activations.
        matrices: Of what is read, and of what is written.
        own: By method, the largest cosine between what it reads and what it writes: 1 for an orthogonal projection.
        left_out: By method, why it is in no matrix.

    """

    fixture: str
    d: int
    matrices: tuple[Matrix, ...]
    own: Mapping[str, float]
    left_out: Mapping[str, str]

    @property
    def reading(self) -> str:
        """How to read the numbers."""
        return (
            f"Largest cosine of the principal angles, raw metric, d = {self.d}. A direction has "
            f"{math.sqrt(1 / self.d):.2f} with a random one and √(r/d) with a random subspace of rank r "
            "(root mean square). A sign is shown where both directions have a sense."
        )


def agreement(store: Store, fixtures: str = "*") -> tuple[Agreement, ...]:
    """Compare the edits of a store, on the fixtures whose id or concept matches a glob; of a method its lowest seed.

    Raises ValueError when nothing matches.
    """
    cards = select(store.scorecards()).current
    chosen: dict[str, dict[str, Scorecard]] = {}
    for card in sorted(cards, key=lambda card: -card.cell.seed):
        if _matches(card, fixtures):
            chosen.setdefault(card.cell.fixture, {})[card.cell.method] = card
    if not chosen:
        known = sorted({card.cell.fixture for card in cards})
        raise ValueError(f"no fixture of the store matches {fixtures!r}; it has {', '.join(known) or 'none'}")
    return tuple(_of_fixture(store, name, by_method) for name, by_method in sorted(chosen.items()))


def _matches(card: Scorecard, glob: str) -> bool:
    return fnmatch.fnmatchcase(card.cell.fixture, glob) or fnmatch.fnmatchcase(card.cell.concept, glob)


def _of_fixture(store: Store, fixture: str, cards: Mapping[str, Scorecard]) -> Agreement:
    found: dict[str, Directions] = {}
    left_out: dict[str, str] = {}
    for method, card in sorted(cards.items(), key=lambda item: (item[1].cell.kind, item[0])):
        try:
            found[method] = directions_in(store.edit_path(card.key), card.cell.site)
        except NoDirectionsError as error:
            left_out[method] = str(error)
    own = {name: cosines(one.read, one.written)[0] for name, one in found.items() if one.read is not None}
    d = next((one.d for one in found.values()), 1)
    return Agreement(fixture, d, tuple(_matrix(way, found) for way in WAYS), own, left_out)


def _matrix(way: str, found: Mapping[str, Directions]) -> Matrix:
    having = {name: span for name, one in found.items() if (span := getattr(one, way)) is not None}
    rows = []
    for name, span in having.items():
        row = []
        for other, theirs in having.items():
            sense = found[name].signed and found[other].signed and span.shape[1] == theirs.shape[1] == 1
            row.append((float((span.T @ theirs).item()),) if sense else cosines(span, theirs))
        rows.append(tuple(row))
    return Matrix(way, tuple(having), tuple(span.shape[1] for span in having.values()), tuple(rows))


def agreement_text(agreements: Iterable[Agreement]) -> str:
    """Return the matrices for a terminal."""
    from tabulate import tabulate

    parts = []
    for one in agreements:
        parts.append(one_line(one.fixture))
        for matrix in one.matrices:
            headers, rows = _cells(one, matrix)
            grid = tabulate([[shortened(one_line(row[0]), _NAME_WIDTH), *row[1:]] for row in rows], headers=headers,
                            tablefmt="simple", disable_numparse=True)  # fmt: skip
            parts.append(f"{_heading(matrix)}\n{grid}" if rows else f"{_heading(matrix)}: none")
        parts.append("\n".join([one.reading, *_left_out(one)]))
    return "\n\n".join(parts)


def agreement_markdown(agreements: Iterable[Agreement]) -> str:
    """Return the matrices in GitHub's Markdown, everything from outside escaped, ending in a newline."""
    parts = ["# Agreement of directions"]
    for one in agreements:
        parts.append(f"## {escaped(one.fixture)}")
        for matrix in one.matrices:
            headers, rows = _cells(one, matrix)
            lines = [headers, ["---"] * len(headers), *([escaped(cell) for cell in row] for row in rows)]
            parts.append(f"{_heading(matrix)}:\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines))
        parts.append("\n".join(f"- {escaped(line)}" for line in [one.reading, *_left_out(one)]))
    return "\n\n".join(parts) + "\n"


def agreement_json(agreements: Iterable[Agreement]) -> str:
    """Return everything, with the cosines of all principal angles, as JSON with a schema version."""
    fixtures = [
        {
            "fixture": one.fixture,
            "d": one.d,
            "metric": "raw",
            **{
                matrix.way: {
                    "methods": list(matrix.methods),
                    "ranks": list(matrix.ranks),
                    "cosines": [[list(cell) for cell in row] for row in matrix.cosines],
                }
                for matrix in one.matrices
            },
            "read_against_written": dict(one.own),
            "left_out": dict(one.left_out),
        }
        for one in agreements
    ]
    return dumps({"schema": AGREEMENT_SCHEMA, "fixtures": fixtures})


def _heading(matrix: Matrix) -> str:
    return f"Directions {matrix.way}"


def _cells(one: Agreement, matrix: Matrix) -> tuple[list[str], list[list[str]]]:
    """Return the header and rows of a matrix: columns are numbered as the rows are, to stay narrow."""
    numbers = [str(i + 1) for i in range(len(matrix.methods))]
    headers = ["method", "rank", "read·written", *numbers]
    rows = []
    for i, (name, rank, row) in enumerate(zip(matrix.methods, matrix.ranks, matrix.cosines, strict=True)):
        own = f"{one.own[name]:.2f}" if name in one.own else "–"
        rows.append([f"{i + 1} {name}", str(rank), own, *(_shown(cell) for cell in row)])
    return headers, rows


def _shown(cell: Sequence[float]) -> str:
    return f"{cell[0]:.2f}".replace("-0.00", "0.00")


def _left_out(one: Agreement) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for method, reason in one.left_out.items():
        by_reason.setdefault(reason, []).append(method)
    return [f"left out: {one_line(', '.join(methods))} ({one_line(why)})" for why, methods in by_reason.items()]
