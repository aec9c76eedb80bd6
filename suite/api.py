"""Scoring from Python: a notebook's way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .options import DEFAULT_STORE, DEFAULT_SUBJECT, RunOptions

if TYPE_CHECKING:
    from interpmark.reports.scorecard import Scorecard, Scorecards

    from .cells import Cell


def score(
    method: str,
    fixture: str,
    *,
    subject: str = DEFAULT_SUBJECT,
    site: str | None = None,
    seed: int = 0,
    store: str | Path = DEFAULT_STORE,
    device: str = "cpu",
    dtype: str = "float32",
) -> Scorecard:
    """Score one method on one fixture, or return the scorecard that the store has of it.

    Args:
        method: A spec such as `"leace"` or `"inlp(rank=4)"`, or a method file's path.
        fixture: A concept's name, a planted fixture's name, or the path of a concept file.
        subject: Name, hub id, folder or `.gguf` file of the language model.
        site: Where to edit, such as `"resid_post.15"`; by default where the subject uses the concept.
        seed: Seed of the method's fit.
        store: Folder that scorecards are kept in.
        device: Torch device.
        dtype: Torch dtype; float32 is the reference.

    Raises:
        UsageError: The fixture or the site does not exist.
        MethodError: The method does not exist.
        FixtureError: The concept file cannot be used.

    """
    from .cells import collect_cells
    from .showing import asked_for

    options = replace(asked_for(fixture, subject, [site] if site else []), seeds=(seed,), store=Path(store))
    options = _with_method(replace(options, device=device, dtype=dtype), method)
    return _scored(options, collect_cells(options)[:1])[0]


def score_all(options: RunOptions) -> Scorecards:
    """Score every cell of a run; `score_all(...).to_frame()` is a tidy table."""
    from .cells import collect_cells

    return _scored(options, collect_cells(options))


def _scored(options: RunOptions, cells: Sequence[Cell]) -> Scorecards:
    from interpmark.reports.scorecard import Scorecards

    from .executors import make_executor

    executor = make_executor(options, cells, cells)
    try:
        return Scorecards([executor.scorecard(cell) for cell in cells])
    finally:
        executor.close()


def _with_method(options: RunOptions, method: str) -> RunOptions:
    if method.endswith(".py"):
        from interpmark.methods import load_method_source

        return replace(options, methods=tuple(info.name for info in load_method_source(method)))
    return replace(options, methods=(method,))
