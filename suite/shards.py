"""Shards of a run: the part of its cells that one job of a CI matrix or a job array scores.

The split depends on the cells and on nothing else, so each job finds its part without asking the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING

from .errors import UsageError

if TYPE_CHECKING:
    from .cells import Cell


def parse_shard(text: str) -> tuple[int, int]:
    """Read `"2/8"`, the second of eight shards.

    Raises:
        UsageError: The text is not of the form k/N with k from 1 to N.

    """
    match = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", text, re.ASCII)
    if match is None:
        raise UsageError(f"a shard is written k/N, such as 1/4 for the first of four; this is {text!r}")
    return _checked((int(match[1]), int(match[2])))


def _checked(shard: tuple[int, int]) -> tuple[int, int]:
    k, n = shard
    if not 1 <= k <= n:
        known = f"shards of {n} are numbered from 1/{n} to {n}/{n}" if n > 0 else "there must be at least one shard"
        raise UsageError(f"there is no shard {k}/{n}: {known}")
    return shard


def shard_cells(cells: Sequence[Cell], shard: tuple[int, int]) -> list[Cell]:
    """The cells of shard k of N, in the order of the run.

    Raises:
        UsageError: k is not from 1 to N.

    """
    k, n = _checked(shard)
    mine = set(split(cells, n)[k - 1])
    return [cell for cell in cells if cell in mine]


def split(cells: Sequence[Cell], n: int) -> list[list[Cell]]:
    """Every cell in one of n shards of about as many cells.

    What belongs together is divided only where the shards would be uneven otherwise: first no capture is, then no
    fixture, then no cell. A divided capture runs the subject over the same prompts in two jobs.
    """
    ordered = sorted(cells, key=lambda cell: (_capture(cell), cell.fixture.id, str(cell)))
    for shards in (_whole_captures(ordered, n), _whole_fixtures(ordered, n)):
        if _even(shards, ordered):
            return shards
    return _cut(ordered, [i * len(ordered) // n for i in range(n + 1)])


def _capture(cell: Cell) -> tuple[bool, str]:
    """What is captured with the cell. Planted activations are not captured: nothing ties their fixtures together."""
    planted = cell.fixture.shard == "planted"
    return planted, cell.fixture.id if planted else cell.fixture.shard


def _whole_captures(ordered: Sequence[Cell], n: int) -> list[list[Cell]]:
    """Each capture to the shard with the fewest cells so far, large captures first."""
    captures = [list(group) for _, group in groupby(ordered, key=_capture)]
    shards: list[list[Cell]] = [[] for _ in range(n)]
    for capture in sorted(captures, key=len, reverse=True):  # a stable sort: equal ones stay in order
        min(shards, key=len).extend(capture)
    return shards


def _whole_fixtures(ordered: Sequence[Cell], n: int) -> list[list[Cell]]:
    """The row of cells cut n - 1 times, each time between the two fixtures nearest to the even cut."""
    ends = [0, *accumulate(_fixture_sizes(ordered))]
    return _cut(ordered, [min(ends, key=lambda end: abs(end * n - i * len(ordered))) for i in range(n + 1)])


def _cut(ordered: Sequence[Cell], cuts: Sequence[int]) -> list[list[Cell]]:
    return [list(ordered[start:end]) for start, end in pairwise(cuts)]


def _even(shards: Sequence[Sequence[Cell]], ordered: Sequence[Cell]) -> bool:
    """Whether sizes differ by one fixture at most, and no more shards are empty than must be."""
    sizes = [len(shard) for shard in shards]
    return sizes.count(0) <= max(0, len(shards) - len(ordered)) and max(sizes) - min(sizes) <= max(
        _fixture_sizes(ordered), default=0
    )


def _fixture_sizes(ordered: Sequence[Cell]) -> list[int]:
    return [len(list(group)) for _, group in groupby(ordered, key=lambda cell: cell.fixture.id)]
