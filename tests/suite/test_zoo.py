"""A broken method becomes an error row that says what to do, and the run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpmark.methods import get_method, load_method_source
from interpmark.suite.cells import Cell, PlantedFixture
from interpmark.suite.engine import Engine
from interpmark.suite.options import RunOptions

ZOO = Path(__file__).with_name("zoo.py")

ADVICE = {
    "zoo-raises": "the zoo's own failure",
    "zoo-nan": "NaN",
    "zoo-shape": "keeps the shape",
    "zoo-dtype": "keeps the dtype",
    "zoo-mutates": "work on a copy",
    "zoo-unseeded": "manual_seed(seed)",
    "zoo-hangs": "--interp-time-limit",
    "zoo-clings": "--interp-time-limit",
    "zoo-exits": "the method called sys.exit(0)",
    "zoo-unsavable": "tag",
    "zoo-nothing": "return one of interpmark.methods' edits",
}


@pytest.fixture(scope="module")
def cells() -> dict[str, Cell]:
    fixture = PlantedFixture("planted-gaussian")
    return {info.name: Cell(get_method(info.name), fixture, 0) for info in load_method_source(ZOO)}


@pytest.mark.parametrize("name", ADVICE)
def test_a_broken_method_becomes_an_error_row(name: str, cells: dict[str, Cell], tmp_path: Path) -> None:
    engine = Engine(RunOptions(store=tmp_path, time_limit=1.0), list(cells.values()))
    card = engine.scorecard(cells[name])
    assert card.status == "error"
    assert card.error is not None
    assert ADVICE[name] in card.error.message
    assert card.error.traceback
    assert not card.estimates


def test_a_false_claim_is_found_and_the_scores_are_kept(cells: dict[str, Cell], tmp_path: Path) -> None:
    card = Engine(RunOptions(store=tmp_path), list(cells.values())).scorecard(cells["zoo-false-claim"])
    assert card.status == "ok"
    assert [claim.holds for claim in card.claims] == [False]


def test_the_run_goes_on_and_an_error_row_is_tried_again(cells: dict[str, Cell], tmp_path: Path) -> None:
    options = RunOptions(store=tmp_path, time_limit=1.0)
    first = Engine(options, list(cells.values()))
    for cell in cells.values():
        first.scorecard(cell)
    failed, scored = first.scorecard(cells["zoo-raises"]), first.scorecard(cells["zoo-false-claim"])
    second = Engine(options, list(cells.values()))
    assert second.scorecard(cells["zoo-false-claim"]) == scored
    assert second.scorecard(cells["zoo-raises"]).provenance["finished"] >= failed.provenance["finished"]
    assert second.scorecard(cells["zoo-raises"]) is not failed
