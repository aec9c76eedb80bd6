"""Keys: what makes a cell's result another one, and what leaves it as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from interpmark.reports import measures
from interpmark.suite import RunOptions
from interpmark.suite.cells import collect_cells
from interpmark.suite.keys import Keys


@pytest.fixture
def options(tiny_llama: Path, tmp_path: Path) -> RunOptions:
    return RunOptions(
        subject=str(tiny_llama), fixtures=("planted-gaussian", "gender", "number"), methods=("leace", "caa"),
        sites=("resid_post.1",), store=tmp_path / "store",
    )  # fmt: skip


def keys(options: RunOptions) -> dict[tuple[str, str], str]:
    """By concept and kind, of the erasers and steerers on gender and on planted rows."""
    found = {(cell.fixture.name, cell.kind): Keys(options).cell(cell) for cell in collect_cells(options)}
    return {name: key for name, key in found.items() if name[0] != "number"}


def changed(before: RunOptions, after: RunOptions) -> set[tuple[str, str]]:
    one, other = keys(before), keys(after)
    return {name for name in one if one[name] != other[name]}


def test_what_is_asked_for_changes_the_cells_that_can_have_it(options: RunOptions) -> None:
    gender = {("gender", "eraser"), ("gender", "steerer")}
    assert changed(options, options) == set()
    assert changed(options, replace(options, samples=2)) == gender
    assert changed(options, replace(options, cross=True)) == {("gender", "eraser")}
    assert changed(options, replace(options, nonlinear=True)) == {("gender", "eraser"), ("planted-gaussian", "eraser")}


def test_side_effects_depend_on_the_other_concepts_of_the_run(options: RunOptions) -> None:
    crossed = replace(options, cross=True)
    more = ("planted-gaussian", "gender", "number", "tense")
    assert changed(options, replace(options, fixtures=more)) == set()
    assert changed(crossed, replace(crossed, fixtures=more)) == {("gender", "eraser")}
    # A shard has a part of the cells, and its cells the keys that they have in the whole run.
    parts = [replace(crossed, shard=(k, 3)) for k in (1, 2, 3)]
    in_parts = {str(cell): Keys(part).cell(cell) for part in parts for cell in collect_cells(part)}
    assert in_parts == {str(cell): Keys(crossed).cell(cell) for cell in collect_cells(crossed)}


def test_a_new_version_of_a_measure_changes_the_kinds_that_it_scores(
    options: RunOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys(options)

    def with_newer(name: str) -> set[tuple[str, str]]:
        newer = {**measures.MEASURES, name: replace(measures.MEASURES[name], version=99)}
        with monkeypatch.context() as patch:
            patch.setattr(measures, "MEASURES", newer)
            return {cell for cell, key in keys(options).items() if key != before[cell]}

    erasers = {("planted-gaussian", "eraser"), ("gender", "eraser")}
    assert with_newer("behavior_effect") == erasers
    assert with_newer("steering_effect") == set(before) - erasers
    assert with_newer("perplexity_damage") == set(before)
    assert with_newer("side_effect_largest") == set()
