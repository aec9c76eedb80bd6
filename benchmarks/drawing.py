"""Plots, with the numbers that they show in a CSV file beside them. matplotlib is imported here and nowhere else."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOTS = Path(__file__).with_name("plots")
"""Where plots are kept."""


def write_table(path: Path, columns: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    """Write numbers as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(lines)


def new_figure(width: float, height: float) -> Figure | None:
    """An empty figure, in inches; None, and a line that says so, where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no plot without matplotlib: pip install 'interpmark[bench]'", file=sys.stderr)
        return None
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, the same bytes for the same numbers."""
    figure.savefig(path, dpi=120, metadata={"Software": None})
