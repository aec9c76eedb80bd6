"""What runs in a Ray actor: an engine that scores the cells that it is given by id. Ray itself is not needed here."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import InterpmarkWarning, UsageError
from .options import RunOptions

if TYPE_CHECKING:
    from interpmark.reports.scorecard import Scorecard

    from .cells import Cell
    from .engine import Engine


@dataclass(frozen=True)
class Job:
    """What an actor needs to make the driver's cells again.

    Attributes:
        options: The run, its paths absolute.
        method_files: Files of methods that were registered in passing, as in a conftest.py, by the method's name.
        folder: The driver's working folder.
        path: The driver's module search path.

    """

    options: RunOptions
    method_files: Mapping[str, str] = field(default_factory=dict)
    folder: str = field(default_factory=os.getcwd)
    path: tuple[str, ...] = field(default_factory=lambda: tuple(sys.path))


@dataclass(frozen=True)
class Finished:
    """A scored cell on its way to the driver.

    Attributes:
        card: The scorecard's JSON, the form that survives a store unchanged.
        edit: The edit's file, when there is one.
        warnings: What the suite warned of.

    """

    card: str
    edit: bytes | None
    warnings: tuple[str, ...]


class Outbox:
    """Takes the place of the store where results leave through Ray."""

    def __init__(self) -> None:
        self._edits: dict[str, bytes] = {}

    def get(self, key: str) -> Scorecard | None:
        """Nothing: the driver asks only for what its store lacks."""
        return None

    def put(self, scorecard: Scorecard) -> None:
        """Nothing: the scorecard is what the actor returns."""

    def put_edit(self, key: str, save: Callable[[Path], object]) -> None:
        """Keep the edit's file until it is taken."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{key}.safetensors"
            save(path)
            self._edits[key] = path.read_bytes()

    def take_edit(self, key: str) -> bytes | None:
        """The edit's file, which is then forgotten."""
        return self._edits.pop(key, None)


class Worker:
    """One subject and its engine. Nothing long, and nothing that can fail, happens before `ready` is called."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._outbox = Outbox()
        self._cells: dict[str, Cell] = {}
        self._engine: Engine | None = None

    def ready(self) -> str:
        """Collect the run's cells as the driver did; return the name of the machine."""
        import torch

        torch.set_num_threads(max(1, int(self._job.options.ray_cpus)))
        self._be_where_the_driver_is()
        self._load_methods()
        from .cells import collect_cells
        from .engine import Engine

        cells = collect_cells(self._job.options)
        self._cells = {str(cell): cell for cell in cells}
        self._engine = Engine(self._job.options, cells, store=self._outbox)
        return platform.node()

    def _be_where_the_driver_is(self) -> None:
        if Path(self._job.folder).is_dir():
            os.chdir(self._job.folder)
        sys.path.extend(entry for entry in self._job.path if entry not in sys.path)

    def _load_methods(self) -> None:
        from interpmark.methods import UnknownMethodError, get_method, load_method_source

        for source in self._job.options.method_sources:
            load_method_source(source)
        for name, file in self._job.method_files.items():
            try:
                get_method(name)  # an installed plug-in is found by itself, and its file may need its package
            except UnknownMethodError:
                load_method_source(file)

    def score(self, cell: str, key: str) -> Finished:
        """Score a cell.

        Raises:
            UsageError: What the cell depends on is not the same here as where the driver runs.

        """
        assert self._engine is not None, "ready() comes first"
        mine = self._cells.get(cell)
        if mine is None or self._engine.key(mine) != key:
            raise UsageError(
                f"{cell} is not the same cell on {platform.node()} as on the driver: the method's file, the fixture, "
                "the subject's weights or interpmark itself differ. Put the same files and versions on every node."
            )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", InterpmarkWarning)
            card = self._engine.scorecard(mine)
        told = tuple(str(w.message) for w in caught if issubclass(w.category, InterpmarkWarning))
        return Finished(card.to_json(), self._outbox.take_edit(key), told)


def with_absolute_paths(options: RunOptions) -> RunOptions:
    """The same run, told so that another working folder does not matter."""
    from interpmark.fixtures.subjects import subject_names

    return replace(
        options,
        method_sources=tuple(_absolute(source) for source in options.method_sources),
        concepts=tuple(_absolute(source) for source in options.concepts),
        # A folder may be called what a catalogued subject is called, and then the subject is meant.
        subject=options.subject if options.subject in subject_names() else _absolute(options.subject),
    )


def _absolute(source: str) -> str:
    """The absolute path of what is there; a name as it is. Links stay: a file's own name may count."""
    path = Path(source).expanduser()
    return str(path.absolute()) if path.exists() else source
