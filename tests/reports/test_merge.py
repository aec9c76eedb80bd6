"""Stores that go together become one; stores that do not are told apart, and nothing is written."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from interpmark.reports import SCHEMA, Failure, Scorecard, Store, StoreError
from interpmark.reports.merge import merge
from interpmark.reports.scorecard import SchemaError

Make = Callable[..., Scorecard]


def store_of(root: Path, *cards: Scorecard) -> Path:
    store = Store(root)
    for card in cards:
        store.put(card)
        store.put_edit(card.key, lambda path, card=card: path.write_text(f"edit of {card.key}"))
    return root


def snapshot(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def refused(tmp_path: Path, *stores: Path) -> str:
    """What a merge says, having written nothing."""
    before = snapshot(tmp_path)
    with pytest.raises(StoreError) as caught:
        merge(stores, tmp_path / "into")
    assert snapshot(tmp_path) == before
    return str(caught.value)


def test_the_union_has_all_cells_edits_and_reports(tmp_path: Path, make_card: Make) -> None:
    one, two, both = make_card("one"), make_card("two"), make_card("both")
    stores = [store_of(tmp_path / "a", one, both), store_of(tmp_path / "b", two, both)]
    merged = merge(stores, tmp_path / "into")
    assert (merged.added, merged.total) == (3, 3)
    assert set(merged.store.scorecards()) == {one, two, both}
    assert {merged.store.edit_path(card.key).read_text() for card in (one, two, both)} == {
        f"edit of {card.key}" for card in (one, two, both)
    }
    assert all(name in (tmp_path / "into" / "leaderboard.md").read_text() for name in ("one", "two", "both"))
    assert len(json.loads((tmp_path / "into" / "leaderboard.json").read_text())["records"]) == 6
    assert len((tmp_path / "into" / "scores.csv").read_text().splitlines()) == 7


def test_merging_again_changes_nothing(tmp_path: Path, make_card: Make) -> None:
    stores = [store_of(tmp_path / "a", make_card("one")), store_of(tmp_path / "b", make_card("two"))]
    merge(stores, tmp_path / "into")
    before = snapshot(tmp_path / "into")
    assert merge(stores, tmp_path / "into").added == 0
    assert merge([tmp_path / "into", *reversed(stores)], tmp_path / "into").added == 0
    assert snapshot(tmp_path / "into") == before


def test_a_merge_that_stopped_half_way_is_finished_by_running_it_again(tmp_path: Path, make_card: Make) -> None:
    stores = [store_of(tmp_path / "a", make_card("one")), store_of(tmp_path / "b", make_card("two"))]
    Store(tmp_path / "into").union(stores[0])  # what stands there when the process is killed between two stores
    assert merge(stores, tmp_path / "into").added == 1
    merge(stores, tmp_path / "whole")
    assert {path.name for path in snapshot(tmp_path / "into")} == {path.name for path in snapshot(tmp_path / "whole")}


def test_stores_without_cells_merge_too(tmp_path: Path, make_card: Make) -> None:
    empty = [store_of(tmp_path / "a"), store_of(tmp_path / "b")]
    assert merge(empty, tmp_path / "into").total == 0
    assert merge([*empty, store_of(tmp_path / "c", make_card())], tmp_path / "into").total == 1


@pytest.mark.parametrize("failed_first", [True, False])
def test_a_failed_row_gives_way_to_a_finished_one(tmp_path: Path, make_card: Make, failed_first: bool) -> None:
    good = make_card()
    failed = replace(good, estimates=(), error=Failure("Timeout", "too slow"))
    stores = [store_of(tmp_path / "failed", failed), store_of(tmp_path / "good", good)]
    merged = merge(stores if failed_first else stores[::-1], tmp_path / "into")
    assert list(merged.store.scorecards()) == [good]


def test_the_same_results_at_another_time_and_cost_are_no_conflict(tmp_path: Path, make_card: Make) -> None:
    one = make_card()
    two = replace(one, provenance={**one.provenance, "finished": "2027-01-01", "seconds": 9.0})
    merged = merge([store_of(tmp_path / "a", one), store_of(tmp_path / "b", two)], tmp_path / "into")
    assert list(merged.store.scorecards()) == [one]


def test_different_results_under_one_key_are_refused(tmp_path: Path, make_card: Make) -> None:
    one = make_card(processor="this")
    estimates = (replace(one.estimates[0], value=0.61), *one.estimates[1:])
    two = replace(one, estimates=estimates, provenance={**one.provenance, "processor": "that"})
    told = refused(tmp_path, store_of(tmp_path / "a", one), store_of(tmp_path / "b", two))
    assert f"{one.cell}: residual_accuracy 0.6 and 0.61 under the key {one.key[:12]}" in told
    assert "(they differ in processor)" in told
    assert str(tmp_path / "a") in told and str(tmp_path / "b") in told
    assert "edit_norm" not in told


def test_different_examples_under_one_key_are_refused(tmp_path: Path, make_card: Make) -> None:
    one = make_card()
    two = replace(one, examples={"correct": [1]})
    assert "examples under the key" in refused(tmp_path, store_of(tmp_path / "a", one), store_of(tmp_path / "b", two))


@pytest.mark.parametrize(
    ("fact", "called"), [("dtype", "dtype"), ("subject_hash", "subject weights"), ("prefix", "prefix")]
)
@pytest.mark.parametrize("method", ["leace", "sal"])  # the same cell, and another cell of the same fixture
def test_a_fixture_under_other_settings_is_refused(
    tmp_path: Path, make_card: Make, fact: str, called: str, method: str
) -> None:
    one = make_card("leace", **{fact: "x"}, fixture_hash="f1")
    two = make_card(method, **{fact: "y"}, fixture_hash="f2")
    told = refused(tmp_path, store_of(tmp_path / "a", one), store_of(tmp_path / "b", two))
    assert f"{one.cell.fixture}: {called} x in {tmp_path / 'a'}, y in {tmp_path / 'b'}" in told
    assert "fixture content" not in told


def test_a_fixture_of_other_texts_is_refused(tmp_path: Path, make_card: Make) -> None:
    one, two = make_card("leace", fixture_hash="1" * 64), make_card("sal", fixture_hash="2" * 64)
    told = refused(tmp_path, store_of(tmp_path / "a", one), store_of(tmp_path / "b", two))
    assert f"fixture content {'1' * 12} in {tmp_path / 'a'}, {'2' * 12} in" in told


def test_a_method_of_another_source_is_refused_though_no_cell_is_in_both(tmp_path: Path, make_card: Make) -> None:
    one, two = make_card(method_hash="old"), make_card(concept="tense", method_hash="new")
    told = refused(tmp_path, store_of(tmp_path / "a", one), store_of(tmp_path / "b", two))
    assert f"eraser leace: method source old in {tmp_path / 'a'}, new in {tmp_path / 'b'}" in told


def test_a_cell_measured_by_another_version_is_refused(tmp_path: Path, make_card: Make) -> None:
    one, two = make_card(versions={"edit_norm": 1}), make_card(versions={"edit_norm": 2})
    told = refused(tmp_path, store_of(tmp_path / "a", one), store_of(tmp_path / "b", two))
    assert f"{one.cell}: measure versions [('edit_norm', 1)] in" in told


def test_the_folder_that_is_merged_into_is_compared_as_well(tmp_path: Path, make_card: Make) -> None:
    store_of(tmp_path / "into", make_card(method_hash="old"))
    assert "method source" in refused(tmp_path, store_of(tmp_path / "a", make_card("leace", method_hash="new")))


def test_what_a_store_has_superseded_does_not_count(tmp_path: Path, make_card: Make) -> None:
    old, new = make_card(method_hash="old", finished="2025-01-01"), make_card(method_hash="new")
    other = make_card("leace", concept="tense", method_hash="new")
    merged = merge([store_of(tmp_path / "a", old, new), store_of(tmp_path / "b", other)], tmp_path / "into")
    assert set(merged.store.scorecards()) == {old, new, other}


def test_many_reasons_are_cut_short(tmp_path: Path, make_card: Make) -> None:
    ones = [make_card(f"m{i}", method_hash="old") for i in range(20)]
    twos = [make_card(f"m{i}", method_hash="new") for i in range(20)]
    told = refused(tmp_path, store_of(tmp_path / "a", *ones), store_of(tmp_path / "b", *twos))
    assert "and 12 more" in told
    assert told.count("method source") == 8


def test_other_schemas_and_folders_that_are_no_store_are_refused(tmp_path: Path, make_card: Make) -> None:
    good, newer = store_of(tmp_path / "good", make_card()), store_of(tmp_path / "newer")
    (newer / "store.json").write_text('{"schema": 2}')
    assert "store schema 2, but this interpmark reads schema 1: update" in refused(tmp_path, good, newer)
    assert "no store at" in refused(tmp_path, good, tmp_path / "typo")

    cell = Store(tmp_path / "cells-newer").put(make_card("sal"))
    cell.write_text(json.dumps(json.loads(cell.read_text()) | {"schema": 99}))
    with pytest.raises(SchemaError, match=f"schema 99, but this interpmark reads schema {SCHEMA}"):
        merge([good, tmp_path / "cells-newer"], tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path, make_card: Make) -> None:
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "thesis.tex").write_text("x")
    assert "is not a store and not empty" in refused(tmp_path, store_of(tmp_path / "a", make_card()))
