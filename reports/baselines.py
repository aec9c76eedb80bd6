"""Saved runs: one file with whole scorecards, to compare later runs with, and the folder where such files are found.

    .interpmark/<machine>/0001_<commit>_<time>[_dirty].json.gz    numbered, the history of one checkout
    .interpmark/baselines/NAME.json.gz                            named, to be committed

A file is gzipped JSON. It holds the examples too, because a paired test needs them, with every value as it was scored.
Lists that several scorecards share (the methods of a fixture share all that is known of it unedited) are written once,
in `lists`, and `examples` hold their numbers.
"""

from __future__ import annotations

import difflib
import gzip
import json
import platform
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from interpmark.reports.atomic import write_atomically
from interpmark.reports.jsontext import dumps, loads
from interpmark.reports.scorecard import SchemaError, Scorecard, ScorecardError, Scorecards, check_schema
from interpmark.reports.selection import select
from interpmark.reports.store import Store

RUN_SCHEMA = 1
"""Version of a saved run's own fields; its scorecards have a schema of their own."""

DEFAULT_ROOT = Path(".interpmark")
_SUFFIX = ".json.gz"
_NAMED = "baselines"
# No separators and no leading dot, so that a name never leaves its folder.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_NUMBERED = re.compile(r"(\d{4,})_.*\.json(\.gz)?")
_GZIP_MAGIC = b"\x1f\x8b"
_SAVE = "save one with `pytest ... --interp-save NAME`"


class BaselineError(ValueError):
    """There is no such saved run, it cannot be read, or its name cannot be used."""


@dataclass(frozen=True)
class SavedRun:
    """The scorecards of one run and where they come from.

    saved: ISO time. commit: `id` and `dirty`, both None outside a repository. machine: versions and hardware. asked:
    the options that say which cells the run was to have; a later run that was asked for the same must have them all.
    """

    scorecards: Scorecards
    saved: str
    commit: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """`commit 0123456789ab, 2026-11-21T12:00:00+00:00`."""
        commit = self.commit.get("id")
        dirty = " with uncommitted changes" if self.commit.get("dirty") else ""
        return ", ".join(part for part in (f"commit {commit[:12]}{dirty}" if commit else "", self.saved) if part)

    def to_bytes(self) -> bytes:
        """Return the file's content; equal runs give equal bytes."""
        lists: dict[str, int] = {}
        cards = [_with_numbers(json.loads(card.to_json()), lists) for card in self.scorecards]
        head = {name: getattr(self, name) for name in ("saved", "commit", "machine", "asked")}
        whole = {"what": "interpmark saved run", "schema": RUN_SCHEMA, **head, "scorecards": cards}
        # The lists are JSON text already.
        text = f'{dumps(whole).rstrip()[:-1]}, "lists": [{", ".join(lists)}]}}\n'
        return gzip.compress(text.encode("ascii"), compresslevel=6, mtime=0)

    @classmethod
    def from_bytes(cls, content: bytes) -> SavedRun:
        """Read what `to_bytes` wrote, gzipped or not.

        Raises BaselineError for anything else, and SchemaError for another version of the file or of its scorecards.
        """
        try:
            data = loads(gzip.decompress(content) if content.startswith(_GZIP_MAGIC) else content)
            check_schema(data, RUN_SCHEMA, "saved run")
            cards = [Scorecard.from_json(json.dumps(_with_lists(card, data["lists"]))) for card in data["scorecards"]]
            head = {name: data[name] for name in ("saved", "commit", "machine", "asked")}
            if not isinstance(head["saved"], str) or not all(isinstance(head[n], dict) for n in head if n != "saved"):
                raise TypeError("saved is a time, and commit, machine and asked are mappings")
        except SchemaError:
            raise
        except (ScorecardError, zlib.error, EOFError, OSError) as error:
            raise BaselineError(f"not a saved run: {error}") from error
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise BaselineError(f"not a saved run: {type(error).__name__}: {error}") from error
        return cls(Scorecards(cards), **head)


def _with_numbers(card: dict[str, Any], lists: dict[str, int]) -> dict[str, Any]:
    numbers = {name: lists.setdefault(json.dumps(value), len(lists)) for name, value in card["examples"].items()}
    return card | {"examples": numbers}


def _with_lists(card: dict[str, Any], lists: Sequence[Any]) -> dict[str, Any]:
    numbers = card["examples"]
    if not all(type(number) is int and number >= 0 for number in numbers.values()):
        raise TypeError("examples are numbers of lists")
    return card | {"examples": {name: lists[number] for name, number in numbers.items()}}


def machine_name() -> str:
    """`Linux-CPython-3.11-64bit`, as pytest-benchmark names its folders."""
    version = ".".join(platform.python_version_tuple()[:2])
    return f"{platform.system()}-{platform.python_implementation()}-{version}-{platform.architecture()[0]}"


class SavedRuns:
    """The folder of the saved runs. It is made when something is saved."""

    def __init__(self, root: Path = DEFAULT_ROOT) -> None:
        self.root = root

    def save_named(self, name: str, run: SavedRun) -> Path:
        """Write a named baseline, replacing one of that name; return its path."""
        path = self.root / _NAMED / f"{checked_name(name)}{_SUFFIX}"
        return _write(path, run)

    def save_numbered(self, run: SavedRun) -> Path:
        """Write the next of the numbered runs; return its path. Numbers go on over all machines."""
        number = max((number for number, _ in self.numbered()), default=0) + 1
        commit = str(run.commit.get("id") or "unversioned")[:12]
        time = datetime.fromisoformat(run.saved).strftime("%Y%m%d_%H%M%S")
        dirty = "_dirty" if run.commit.get("dirty") else ""
        return _write(self.root / machine_name() / f"{number:04d}_{commit}_{time}{dirty}{_SUFFIX}", run)

    def numbered(self) -> list[tuple[int, Path]]:
        """Return the numbered runs of all machines, ascending."""
        files = [(_NUMBERED.fullmatch(path.name), path) for path in self.root.glob("*/*.json*")]
        return sorted((int(match[1]), path) for match, path in files if match and path.parent.name != _NAMED)

    def names(self) -> list[str]:
        """Return the names of the named baselines, sorted."""
        return sorted(path.name.removesuffix(_SUFFIX) for path in (self.root / _NAMED).glob(f"*{_SUFFIX}"))

    def find(self, reference: str) -> Path:
        """Return the file of a name, a number, or a path; "" is the numbered run with the highest number.

        A path may also be a store's folder. Raises BaselineError naming what there is.
        """
        if not reference:
            return self._latest()
        if reference.isdecimal():
            return self._by_number(int(reference))
        if "/" in reference or "\\" in reference or reference.endswith((".json", ".gz")):
            return _existing(Path(reference))
        path = self.root / _NAMED / f"{checked_name(reference)}{_SUFFIX}"
        if path.is_file():
            return path
        if (Path(reference) / "store.json").is_file():
            return Path(reference)
        raise BaselineError(f"no baseline is named {reference!r}{self._near(reference) or ';'} {self._known()}")

    def load(self, reference: str) -> SavedRun:
        """Return the run of a reference, as `find` takes it."""
        return read_run(self.find(reference))

    def is_numbered(self, path: Path) -> bool:
        """Return whether a path is one of the numbered runs."""
        return path in [numbered for _, numbered in self.numbered()]

    def _latest(self) -> Path:
        runs = self.numbered()
        if not runs:
            raise BaselineError(
                f"there is no numbered run in {self.root}: save one with --interp-autosave, or name a baseline; "
                f"{self._known()}"
            )
        return runs[-1][1]

    def _by_number(self, number: int) -> Path:
        found = [path for n, path in self.numbered() if n == number]
        if len(found) == 1:
            return found[0]
        if found:
            raise BaselineError(f"several runs have the number {number:04d}; name one: {_listed(found)}")
        raise BaselineError(f"no saved run has the number {number:04d}; {self._known()}")

    def _near(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.names(), n=1, cutoff=0.5)
        return f"; did you mean {near[0]!r}?" if near else ""

    def _known(self) -> str:
        runs = [path.name.removesuffix(_SUFFIX) for _, path in self.numbered()][-5:]
        there = [*self.names(), *runs]
        return f"in {self.root} there {'are' if there else 'is'} {', '.join(there) or 'nothing'}; {_SAVE}"


def checked_name(name: str) -> str:
    """Return the name of a baseline, or raise BaselineError saying what is wrong with it."""
    if not _NAME.fullmatch(name) or name.endswith((".json", ".gz")) or name.isdecimal():
        raise BaselineError(
            f"{name!r} cannot name a baseline: up to 100 letters, digits, '.', '_' and '-', beginning with a letter, a "
            "digit or '_', not digits alone (they number runs) and not ending in .json or .gz (they are files)"
        )
    return name


def read_run(path: Path) -> SavedRun:
    """Return the saved run of a file; or of a store's folder, of whose cells the newest results count.

    Raises BaselineError, with what to do, when it cannot be read.
    """
    if path.is_dir():
        cards = Scorecards(select(Store.open(path).scorecards()).current)
        finished = max((str(card.provenance.get("finished", "")) for card in cards), default="")
        return SavedRun(cards, finished)
    try:
        return SavedRun.from_bytes(path.read_bytes())
    except SchemaError as error:
        raise BaselineError(f"{path}: {error}, or use the interpmark that saved it") from error
    except (BaselineError, OSError) as error:
        raise BaselineError(f"{path}: {error}; restore the file from its commit, or {_SAVE}") from error


def write_run(path: Path, run: SavedRun) -> Path:
    """Write a saved run to a file of any name ending in .json or .json.gz; return the path."""
    return _write(path, run)


def _write(path: Path, run: SavedRun) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = run.to_bytes()
    write_atomically(path, content if path.name.endswith(".gz") else gzip.decompress(content))
    return path


def _existing(path: Path) -> Path:
    if path.is_file() or (path / "store.json").is_file():
        return path
    what = "is no store and no saved run" if path.exists() else "does not exist"
    raise BaselineError(f"{path} {what}; {_SAVE}, or give the path of a saved run or of a store")


def _listed(paths: Sequence[Path]) -> str:
    return ", ".join(map(str, paths))
