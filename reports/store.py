"""The store: a folder of scorecards, content-addressed, that any number of processes may write at once.

    store.json                    the schema version
    cells/<key>.json              one scorecard each
    edits/<key>.safetensors       the cell's edit, opaque here
    damaged/                      files that could not be read, set aside

A cell's key is a hash of all that its result depends on, so a result is reused because its key is there and for no
other reason, and two stores are joined by joining their files.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path

from interpmark.reports.atomic import remove_stale, replacing, write_atomically
from interpmark.reports.jsontext import dumps, loads
from interpmark.reports.scorecard import SchemaError, Scorecard, ScorecardError, Scorecards, check_schema

STORE_SCHEMA = 1
"""Version of the folder's layout; a scorecard's own schema is versioned apart."""

_MARK = "store.json"
# No leading dot (temporary files), no separators: a key never leaves its folder.
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class StoreError(ValueError):
    """The folder cannot serve as a store, or two stores do not go together."""


class StoreWriteError(StoreError):
    """The disk is full, or the folder belongs to somebody else. What was written before is there, whole."""


class StoreWarning(UserWarning):
    """A file in the store could not be read and is treated as absent."""


class Store:
    """A folder of scorecards. The folder is made when it does not exist.

    Raises StoreError when `root` is a file, a folder with other things in it, or a store of another schema, and
    StoreWriteError when the folder cannot be made.
    """

    def __init__(self, root: str | PathLike[str]) -> None:
        self.root = Path(root)
        if self.root.exists() and not self.root.is_dir():
            raise StoreError(f"{self.root} is a file; a store is a folder")
        if not (self.root / _MARK).is_file():
            self._make()
        self._check()
        for folder in (self._cells, self._edits):
            remove_stale(folder)

    @classmethod
    def open(cls, root: str | PathLike[str]) -> Store:
        """Return the store at `root`, which must exist: for reading, where a mistyped name must not make a store."""
        mark = Path(root) / _MARK
        if not mark.is_file():
            raise StoreError(f"no store at {root}: {mark} does not exist")
        return cls(root)

    @property
    def _cells(self) -> Path:
        return self.root / "cells"

    @property
    def _edits(self) -> Path:
        return self.root / "edits"

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def _make(self) -> None:
        if self.root.exists() and not self._cells.is_dir() and any(self.root.iterdir()):
            raise StoreError(f"{self.root} is not a store and not empty; name a new or an empty folder")
        with _told(self.root):
            self._cells.mkdir(parents=True, exist_ok=True)
            self._edits.mkdir(exist_ok=True)
            # Last, so that a folder with the mark is complete. Several processes may each write the same mark.
            write_atomically(self.root / _MARK, dumps({"schema": STORE_SCHEMA, "what": "interpmark store"}))

    def _check(self) -> None:
        mark = self.root / _MARK
        try:
            check_schema(loads(mark.read_bytes()), STORE_SCHEMA, "store")
        except json.JSONDecodeError as error:
            raise StoreError(
                f"{mark} is damaged ({error}). The scorecards are in files of their own: remove this one, and the next "
                "run with this store writes it again"
            ) from error
        except ValueError as error:
            raise StoreError(f"{self.root}: {error}") from error
        with _told(self.root):
            for folder in (self._cells, self._edits):
                folder.mkdir(exist_ok=True)

    def keys(self) -> tuple[str, ...]:
        """Return the keys of the cells that are there, sorted."""
        return tuple(sorted(path.stem for path in self._cells.glob("*.json") if _KEY.fullmatch(path.stem)))

    def get(self, key: str) -> Scorecard | None:
        """Return the scorecard of a key, None when there is none.

        A damaged file is moved to `damaged/` with a StoreWarning and counts as absent, so the cell is scored anew.
        Raises SchemaError for a scorecard of another schema, which is not damaged, and ValueError for a bad key.
        """
        return self._read(key, set_aside=True)

    def peek(self, key: str) -> Scorecard | None:
        """Return what `get` returns, leaving a damaged file where it is: for a store that is another's to mend."""
        return self._read(key, set_aside=False)

    def _read(self, key: str, *, set_aside: bool) -> Scorecard | None:
        path = self._cells / f"{_checked(key)}.json"
        try:
            card = Scorecard.from_json(path.read_bytes())
            if card.key != key:
                raise ScorecardError(f"it holds the key {card.key}")
        except FileNotFoundError:
            return None
        except SchemaError as error:
            raise SchemaError(f"{path}: {error}") from error
        except ScorecardError as error:
            fate = "set aside" if set_aside else "skipped"
            warnings.warn(f"{path} cannot be read and is {fate}: {error}", StoreWarning, stacklevel=3)
            if set_aside:
                self._set_aside(path)
            return None
        return card

    def _set_aside(self, path: Path) -> None:
        damaged = self.root / "damaged"
        # Another process may have moved it first.
        with contextlib.suppress(OSError):
            damaged.mkdir(exist_ok=True)
            path.replace(damaged / path.name)

    def put(self, scorecard: Scorecard) -> Path:
        """Write a scorecard under its key, replacing one that is there; return its path.

        Raises StoreWriteError when it cannot be written.
        """
        path = self._cells / f"{_checked(scorecard.key)}.json"
        with _told(path):
            write_atomically(path, scorecard.to_json())
        return path

    def edit_path(self, key: str) -> Path:
        """Return where the edit of a cell is, or would be."""
        return self._edits / f"{_checked(key)}.safetensors"

    def put_edit(self, key: str, save: Callable[[Path], object]) -> Path:
        """Call save(temporary path), then move that file to `edit_path(key)`; return the path.

        Raises StoreWriteError when it cannot be written.
        """
        path = self.edit_path(key)
        with _told(path), replacing(path) as temporary:
            save(temporary)
        return path

    def scorecards(self) -> Scorecards:
        """Return every readable scorecard, ordered by fixture, method, seed and key."""
        cards = [card for key in self.keys() if (card := self.get(key)) is not None]
        return Scorecards(sorted(cards, key=lambda c: (c.cell.fixture, c.cell.method, c.cell.seed, c.key)))

    def union(self, other: Store | str | PathLike[str]) -> int:
        """Copy the cells that `other` has and this store lacks; return how many. `other` is left as it is.

        Where both have a key, this store's result stays, unless it failed and the other one did not.
        Raises StoreError when `other` is no store or has another schema.
        """
        source = other if isinstance(other, Store) else Store.open(other)
        added = 0
        for key in source.keys():  # noqa: SIM118 - a Store is no mapping
            theirs = source.peek(key)
            ours = self.get(key)
            if theirs is None or (ours is not None and (ours.error is None or theirs.error is not None)):
                continue
            # The edit first: a cell that is there is complete.
            with contextlib.suppress(FileNotFoundError), replacing(self.edit_path(key)) as temporary:
                shutil.copyfile(source.edit_path(key), temporary)
            self.put(theirs)
            added += 1
        return added


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn the system's error into one that says what can be done."""
    try:
        yield
    except OSError as error:
        raise StoreWriteError(
            f"{path} cannot be written ({error.strerror or error}): make room or get the right to write there, or name "
            "another store, and run again. What was finished before is kept, and is not scored again."
        ) from error


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is no key: letters, digits, '.', '_' and '-', not starting with '.' or '-'")
    return key
