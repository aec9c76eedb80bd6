"""Saved runs: what is written is read, whole; what is malformed or misnamed is refused with what to do."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from interpmark.reports import CellId, Estimate, Scorecard, Scorecards, Store
from interpmark.reports.baselines import BaselineError, SavedRun, SavedRuns, checked_name, machine_name, read_run


def card(method: str, value: float = 0.5) -> Scorecard:
    shared = [0.1 * i for i in range(200)]
    return Scorecard(
        schema=2,
        key=f"key-{method}",
        cell=CellId(method, "eraser", "planted", "planted", "planted", "row", 0),
        estimates=(Estimate.scored("residual_accuracy", (value, value - 0.1, value + 0.1), 100),),
        examples={"shared": shared, "own": [value, None, [1, 2]]},
        provenance={"finished": "2026-01-01T00:00:00+00:00"},
    )


def run(*methods: str, commit: str | None = "0123456789abcdef", dirty: bool = False) -> SavedRun:
    cards = Scorecards(map(card, methods))
    return SavedRun(cards, "2026-01-02T03:04:05+00:00", {"id": commit, "dirty": dirty}, {"cores": 2}, {"seeds": [0]})


@pytest.fixture
def runs(tmp_path: Path) -> SavedRuns:
    return SavedRuns(tmp_path / ".interpmark")


def test_a_run_survives_its_file_and_shared_lists_are_written_once() -> None:
    one = run("a", "b", "c")
    content = one.to_bytes()
    assert SavedRun.from_bytes(content) == one
    assert SavedRun.from_bytes(gzip.decompress(content)) == one
    assert content == one.to_bytes()
    assert gzip.decompress(content).count(json.dumps([0.1 * i for i in range(200)]).encode()) == 1


def test_a_named_baseline_is_found_by_its_name_and_its_path(runs: SavedRuns) -> None:
    path = runs.save_named("main", run("a"))
    assert path == runs.root / "baselines" / "main.json.gz"
    assert runs.load("main") == runs.load(str(path)) == run("a")
    runs.save_named("main", run("b"))
    assert runs.load("main") == run("b")
    assert [each.name for each in path.parent.iterdir()] == ["main.json.gz"]


def test_numbered_runs_say_commit_and_time_and_go_on_over_machines(runs: SavedRuns) -> None:
    first = runs.save_numbered(run("a"))
    assert first == runs.root / machine_name() / "0001_0123456789ab_20260102_030405.json.gz"
    first.parent.rename(runs.root / "Another-Machine")
    assert runs.save_numbered(run("b", dirty=True)).name == "0002_0123456789ab_20260102_030405_dirty.json.gz"
    assert runs.save_numbered(run("c", commit=None)).name.startswith("0003_unversioned_")
    runs.save_named("0004_fourth", run("d"))
    assert runs.load("") == run("c", commit=None)
    assert runs.load("1") == runs.load("0001") == run("a")


def test_one_number_on_two_machines_must_be_told_apart(runs: SavedRuns) -> None:
    path = runs.save_numbered(run("a"))
    copy = runs.root / "Another-Machine" / path.name
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    with pytest.raises(BaselineError, match="several runs have the number 0001; name one"):
        runs.find("1")


def test_a_store_can_be_compared_with(runs: SavedRuns, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.put(card("a"))
    loaded = runs.load(str(store.root))
    assert [each.cell.method for each in loaded.scorecards] == ["a"]
    assert loaded.asked == {}


@pytest.mark.parametrize(
    "name", ["", "../main", "a/b", ".main", "-x", "7", "0001", "a.json", "a.json.gz", "a b", "x" * 101]
)
def test_a_name_never_leaves_its_folder_nor_looks_like_a_number_or_a_file(name: str, runs: SavedRuns) -> None:
    with pytest.raises(BaselineError, match="cannot name a baseline"):
        checked_name(name)
    with pytest.raises(BaselineError, match="cannot name a baseline"):
        runs.save_named(name, run("a"))
    assert not runs.root.exists()


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mian", "no baseline is named 'mian'; did you mean 'main'"),
        ("9", "no saved run has the number 0009; in .* there are main; save one with"),
        ("gone/main.json.gz", "does not exist; save one with"),
        ("", "there is no numbered run in .*: save one with --interp-autosave"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(runs: SavedRuns, reference: str, message: str) -> None:
    runs.save_named("main", run("a"))
    with pytest.raises(BaselineError, match=message):
        runs.find(reference)


def test_what_cannot_be_read_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "main.json.gz"
    whole = json.loads(gzip.decompress(run("a").to_bytes()))

    def refused(content: bytes) -> str:
        path.write_bytes(content)
        with pytest.raises(BaselineError) as caught:
            read_run(path)
        return str(caught.value)

    good = run("a").to_bytes()
    for bad in (b"", good[:-20], b"<html>", b"[1]", b"version https://git-lfs.github.com/spec/v1\n"):
        assert "restore the file from its commit, or save one with" in refused(bad)
    for damage in (
        {"lists": []},
        {"lists": None},
        {"scorecards": [{}]},
        {"scorecards": 3},
        {"saved": 3},
        {"scorecards": [{**whole["scorecards"][0], "examples": {"own": -1}}]},
    ):
        assert "not a saved run" in refused(json.dumps(whole | damage).encode())
    assert "update interpmark to read it" in refused(json.dumps(whole | {"schema": 99}).encode())
