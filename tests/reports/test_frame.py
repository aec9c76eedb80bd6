import csv
import io
from collections.abc import Callable

import pandas as pd

from interpmark.reports import Estimate, Failure, Scorecard, Scorecards, headlines
from interpmark.reports.frame import tidy_csv

Make = Callable[..., Scorecard]

CELL = ["method", "kind", "concept", "subject", "site", "slot", "seed"]
COLUMNS = [*CELL, "measure", "value", "low", "high", "n", "unit", "status"]


def some_cards(make_card: Make) -> Scorecards:
    reason = Estimate.not_scored("behavior_effect", "no behavior")
    failed = make_card('a "quoted", name', error=Failure("ValueError", "no\nmore"))
    return Scorecards([make_card(scores={"edit_norm": 0.1 + 0.2, "behavior_effect": reason}), failed])


def test_the_frame_is_tidy(make_card: Make) -> None:
    frame = some_cards(make_card).to_frame()
    assert list(frame.columns) == COLUMNS
    first, second = frame.iloc[0], frame.iloc[1]
    assert (first["method"], first["measure"], first["value"], first["n"]) == ("leace", "edit_norm", 0.1 + 0.2, 240)
    assert second["status"] == "not scored"
    assert pd.isna(second["value"])


def test_a_failed_cell_is_in_the_frame(make_card: Make) -> None:
    frame = some_cards(make_card).to_frame()
    assert set(frame[frame["status"] == "error"]["measure"]) == set(headlines("eraser"))


def test_an_empty_frame_has_the_same_columns_and_types(make_card: Make) -> None:
    empty, full = Scorecards().to_frame(), some_cards(make_card).to_frame()
    assert len(empty) == 0
    assert list(empty.dtypes) == list(full.dtypes)
    assert list(empty.columns) == COLUMNS


def test_csv_is_the_frame(make_card: Make) -> None:
    cards = some_cards(make_card)
    assert tidy_csv(cards) == cards.to_frame().to_csv(index=False, lineterminator="\n")
    first = next(csv.DictReader(io.StringIO(tidy_csv(cards))))
    assert float(first["value"]) == 0.1 + 0.2
