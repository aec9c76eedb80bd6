import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from interpmark.reports import SCHEMA, Failure, Scorecard, Store, StoreError, StoreWarning
from interpmark.reports.atomic import STALE_SECONDS, replacing, write_atomically
from interpmark.reports.scorecard import SchemaError
from interpmark.reports.store import StoreWriteError

Make = Callable[..., Scorecard]

# Writes one scorecard over and over; its process is killed at some moment of that.
WRITER = """
import sys
from interpmark.reports import SCHEMA, CellId, Estimate, Scorecard, Store
store = Store(sys.argv[1])
cell = CellId("leace", "eraser", "gender", "s", "resid_post.1", "last", 0)
print("ready", flush=True)
n = 0
while True:
    n += 1
    card = Scorecard(SCHEMA, "shared", cell, (Estimate.exact("edit_norm", n),), {"x": [n] * 20000})
    store.put(card)
    store.put_edit("shared", lambda path: path.write_bytes(str(n).encode() * 20000))
"""


def write_forever(root: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def whole(card: Scorecard | None) -> bool:
    return card is None or card.examples["x"] == [card.estimate("edit_norm").value] * 20000


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_a_killed_writer_leaves_whole_files_and_its_leavings_are_cleaned(tmp_path: Path) -> None:
    root = tmp_path / "store"
    leavings: list[Path] = []
    for attempt in range(60):
        process = write_forever(root)
        time.sleep(0.02 + 0.013 * (attempt % 12))
        kill(process)
        store = Store(root)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert whole(store.get("shared"))
        edit = store.edit_path("shared")
        # One number many times over, so a cut file would end elsewhere.
        assert not edit.exists() or len(edit.read_bytes()) % 20000 == 0
        leavings = [path for path in root.rglob("*") if path.name.endswith(".tmp")]
        if leavings and store.get("shared") is not None:
            break
    assert leavings, "no kill met a write: the test did not test"
    for path in leavings:
        os.utime(path, (time.time() - STALE_SECONDS - 1,) * 2)
    Store(root)
    assert not [path for path in root.rglob("*") if path.name.endswith(".tmp")]


def test_fresh_temporary_files_of_others_are_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    other = tmp_path / "cells" / ".abc.json.123.ffff.tmp"
    other.write_text("half")
    assert Store(tmp_path).keys() == ()
    assert other.exists()
    assert len(store.scorecards()) == 0


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX")
def test_several_processes_write_and_read_one_store(tmp_path: Path) -> None:
    writers = [write_forever(tmp_path / "store") for _ in range(2)]
    try:
        store, seen = Store(tmp_path / "store"), set()
        until = time.monotonic() + 20
        while len(seen) < 5 and time.monotonic() < until:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # a half-written cell would be set aside with a warning
                card = store.get("shared")
            assert whole(card)
            seen.add(card and card.estimate("edit_norm").value)
    finally:
        for process in writers:
            kill(process)
    assert len(seen) >= 5


def test_what_is_put_is_got(tmp_path: Path, make_card: Make) -> None:
    store = Store(tmp_path / "a" / "store")
    card = make_card()
    assert store.get(card.key) is None
    store.put(card)
    assert store.get(card.key) == card
    assert Store(tmp_path / "a" / "store").keys() == (card.key,)
    later = make_card(finished="2027-01-01")
    store.put(later)
    assert set(store.scorecards()) == {card, later}


def test_a_failing_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_told_with_what_to_do(tmp_path: Path, make_card: Make) -> None:
    store, card = Store(tmp_path / "store"), make_card()
    (tmp_path / "store" / "cells" / f"{card.key}.json").mkdir()
    with pytest.raises(StoreWriteError, match=r"cannot be written \(.*\): make room .* is not scored again"):
        store.put(card)
    store.edit_path(card.key).mkdir()
    with pytest.raises(StoreWriteError, match=f"{card.key}.safetensors cannot be written"):
        store.put_edit(card.key, lambda path: path.write_bytes(b"edit"))
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreWriteError, match="make room or get the right"):
        Store(tmp_path / "file" / "store")


@pytest.mark.parametrize("damage", [b"", b'{"schema": 1, "key"', b"\x00\xff", b"[]", b'{"schema": 1, "value": NaN}'])
def test_a_damaged_cell_is_set_aside_and_absent(tmp_path: Path, make_card: Make, damage: bytes) -> None:
    store, card = Store(tmp_path), make_card()
    path = store.put(card)
    path.write_bytes(damage)
    with pytest.warns(StoreWarning, match="cannot be read and is set aside"):
        assert store.get(card.key) is None
    assert not path.exists()
    assert (tmp_path / "damaged" / path.name).read_bytes() == damage
    store.put(card)
    assert store.get(card.key) == card


def test_a_cell_under_the_wrong_key_is_damaged(tmp_path: Path, make_card: Make) -> None:
    store, card = Store(tmp_path), make_card()
    path = store.put(card)
    path.rename(path.with_name("other.json"))
    with pytest.warns(StoreWarning, match=f"it holds the key {card.key}"):
        assert store.get("other") is None


def test_a_cell_of_another_schema_is_kept_and_said(tmp_path: Path, make_card: Make) -> None:
    store, card = Store(tmp_path), make_card()
    path = store.put(card)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": 99}))
    with pytest.raises(SchemaError, match=f"schema 99, but this interpmark reads schema {SCHEMA}: update"):
        store.get(card.key)
    assert path.exists()


@pytest.mark.parametrize("key", ["", "../../etc/passwd", ".hidden", "a/b", "a\\b", "-x", "a\n"])
def test_a_key_never_leaves_its_folder(tmp_path: Path, key: str) -> None:
    store = Store(tmp_path)
    with pytest.raises(ValueError, match="is no key"):
        store.get(key)
    with pytest.raises(ValueError, match="is no key"):
        store.edit_path(key)


def test_folders_that_are_no_store_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(StoreError, match="is a file; a store is a folder"):
        Store(file)
    with pytest.raises(StoreError, match="is not a store and not empty"):
        Store(tmp_path)
    with pytest.raises(StoreError, match="no store at"):
        Store.open(tmp_path / "typo")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize("mark", ['{"schema": 2}', "{}", "no json"])
def test_a_store_of_another_schema_is_refused(tmp_path: Path, mark: str) -> None:
    Store(tmp_path)
    (tmp_path / "store.json").write_text(mark)
    match = "store schema 2, but this interpmark reads schema 1" if "2" in mark else str(tmp_path)
    with pytest.raises(StoreError, match=match):
        Store(tmp_path)
    with pytest.raises(StoreError, match=match):
        Store(tmp_path.with_name(f"{tmp_path.name}-other")).union(tmp_path)


def test_a_union_has_the_cells_and_edits_of_both(tmp_path: Path, make_card: Make) -> None:
    ours, theirs = Store(tmp_path / "ours"), Store(tmp_path / "theirs")
    one, two, three = make_card("one"), make_card("two"), make_card("three")
    ours.put(one)
    ours.put(two)
    theirs.put(two)
    theirs.put(three)
    theirs.put_edit(three.key, lambda path: path.write_bytes(b"edit"))
    assert ours.union(tmp_path / "theirs") == 1
    assert set(ours.scorecards()) == {one, two, three}
    assert ours.edit_path(three.key).read_bytes() == b"edit"
    assert not ours.edit_path(one.key).exists()
    assert set(theirs.scorecards()) == {two, three}
    assert ours.union(theirs) == 0


def test_a_union_prefers_a_result_to_a_failure(tmp_path: Path, make_card: Make) -> None:
    ours, theirs = Store(tmp_path / "ours"), Store(tmp_path / "theirs")
    good = make_card()
    failed = Scorecard(SCHEMA, good.key, good.cell, (), error=Failure("Timeout", "too slow"))
    ours.put(failed)
    theirs.put(good)
    assert (ours.union(theirs), ours.get(good.key)) == (1, good)
    theirs.put(failed)
    assert (ours.union(theirs), ours.get(good.key)) == (0, good)


def test_a_union_skips_damage_and_leaves_the_other_store_alone(tmp_path: Path, make_card: Make) -> None:
    ours, theirs, card = Store(tmp_path / "ours"), Store(tmp_path / "theirs"), make_card()
    path = theirs.put(card)
    path.write_text("{")
    with pytest.warns(StoreWarning, match="is skipped"):
        assert ours.union(theirs) == 0
    assert path.read_text() == "{"
