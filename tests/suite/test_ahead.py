"""When a run has its subject made ready by another process."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpmark.suite import RunOptions
from interpmark.suite.ahead import SubjectAhead, needs_subject
from interpmark.suite.cells import Cell, collect_cells


def cells(*fixtures: str) -> list[Cell]:
    return collect_cells(RunOptions(fixtures=fixtures, methods=("identity",)))


def test_it_is_made_ready_while_cells_are_scored_that_need_none() -> None:
    planted, later = cells("planted-null"), cells("gender@*")
    both = SubjectAhead("smollm2-135m", [*planted, *later])
    assert both.may_begin(planted[0])
    assert not both.may_begin(later[0]), "the cell loads the subject itself"
    assert not SubjectAhead("smollm2-135m", planted).may_begin(planted[0]), "nobody asks for the subject"
    assert [needs_subject(cell) for cell in (planted[0], later[0])] == [False, True]


def test_it_begins_once_and_ends_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERPMARK_CACHE", str(tmp_path))
    planted = cells("planted-null")
    ahead = SubjectAhead("smollm2-135m", [*planted, *cells("gender@*")])
    ahead.begin()
    assert not ahead.may_begin(planted[0])
    ahead.stop()
    assert not list(tmp_path.rglob("*.gguf"))
    ahead.stop()


def test_a_worker_among_others_leaves_it_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    planted = cells("planted-null")
    assert not SubjectAhead("smollm2-135m", [*planted, *cells("gender@*")]).may_begin(planted[0])
