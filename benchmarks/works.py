"""A work and its two sides, as a child process runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[Any]]


def nothing(_: Path) -> None:
    """Make no data."""


@dataclass(frozen=True)
class Side:
    """One side of a work. Only `work` is timed.

    Attributes:
        prepare: Import, load and warm up; gets the folder that the work's data are in.
        work: What is measured, given what `prepare` returned.
        report: Arrays to compare with the other side's, given what `prepare` and `work` returned.

    """

    prepare: Callable[[Path], Any]
    work: Callable[[Any], Any]
    report: Callable[[Any, Any], Arrays]


@dataclass(frozen=True)
class Work:
    """A work.

    Attributes:
        name: Such as `leace-fit d=576`.
        peer: The peer's name.
        ours: This project's side.
        theirs: The peer's side.
        agreement: Says from both reports whether the sides did the same.
        data: Writes what both sides read into a folder, in a process of its own.
        repetitions: How often each side runs, in processes of their own.

    """

    name: str
    peer: str
    ours: Side
    theirs: Side
    agreement: Callable[[Arrays, Arrays], str]
    data: Callable[[Path], None] = nothing
    repetitions: int = 3
