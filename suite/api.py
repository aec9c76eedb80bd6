"""Scoring from Python: a notebook's way in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .options import CONCEPT_FILES, DEFAULT_STORE, DEFAULT_SUBJECT, RunOptions

if TYPE_CHECKING:
    from interpmark.reports.scorecard import Scorecard, Scorecards


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
    options = RunOptions(subject=subject, seeds=(seed,), store=Path(store), device=device, dtype=dtype)
    options = _with_method(options, method)
    options = _with_fixture(options, fixture)
    if site is not None:
        options = replace(options, sites=(site,))
    return score_all(options)[0]


def score_all(options: RunOptions) -> Scorecards:
    """Score every cell of a run; `score_all(...).to_frame()` is a tidy table."""
    from interpmark.reports.scorecard import Scorecards

    from .cells import collect_cells
    from .executors import make_executor

    cells = collect_cells(options)
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


def _with_fixture(options: RunOptions, fixture: str) -> RunOptions:
    if fixture.endswith(CONCEPT_FILES):
        return replace(options, concepts=(fixture,), fixtures=(Path(fixture).stem,))
    return replace(options, fixtures=(fixture,))
