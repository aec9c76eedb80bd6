"""The Ray executor: cells are scored by actors on a cluster, and their results come back to the driver's store."""

from __future__ import annotations

import datetime
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

from interpmark.methods import available
from interpmark.methods.registry import source_file
from interpmark.reports.scorecard import SCHEMA, Failure, Scorecard
from interpmark.reports.store import Store

from . import ray_cluster
from .cells import Cell, SubjectFixture
from .engine import finished, role
from .errors import InterpmarkWarning
from .keys import Keys
from .options import RunOptions
from .progress import LOG_SECONDS, Progress, SilentProgress
from .ray_crew import Crew, Group, Task
from .ray_worker import Finished, Job, with_absolute_paths

# Seconds that closing waits for what has just arrived to be filed.
CLOSING_SECONDS = 30.0


class RayExecutor:
    """Sends every wanted cell that the store lacks to actors, and files each scorecard as it arrives.

    The driver alone writes the store, so no folder has to be shared with the nodes.

    Args:
        options: The run.
        wanted: The cells that will be asked for; all are sent off when the first is.
        progress: Where to report; silent by default.

    Raises:
        UsageError: The cluster cannot be joined, or no machine in it can hold an actor.

    """

    def __init__(self, options: RunOptions, wanted: Sequence[Cell], progress: Progress | None = None) -> None:
        self._options = options
        self._store = Store(options.store)
        self._keys = Keys(options)
        self._progress = progress or SilentProgress()
        self._wanted = list(wanted)
        # The crew's thread writes these, under the condition; the driver's thread waits for them.
        self._changed = threading.Condition()
        self._cards: dict[str, Scorecard] = {}
        self._raised: dict[str, BaseException] = {}
        self._warned: dict[str, tuple[str, ...]] = {}
        self._news: list[str] = []
        self._broken: BaseException | None = None
        self._sent: set[str] = set()
        self._told = time.monotonic()
        self._connection = ray_cluster.connect(options, self._progress)
        job = Job(with_absolute_paths(options), _files_in_passing())
        self._crew = Crew(job, self)

    def scorecard(self, cell: Cell) -> Scorecard:
        """The cell's scorecard, when it has arrived.

        Raises:
            Exception: What the actor raised that is not the method's fault, such as a subject that does not load.

        """
        wanted, self._wanted = self._wanted, []
        self._send([*wanted, cell])
        key = self._keys.cell(cell)
        self._wait_for(key)
        for message in self._warned.pop(key, ()):
            warnings.warn(message, InterpmarkWarning, stacklevel=2)
        if key in self._raised:
            raise self._raised[key]
        return self._cards[key]

    def close(self) -> None:
        """Stop the actors; what has arrived is filed first."""
        self._crew.stop(CLOSING_SECONDS)
        self._report()
        self._connection.close()

    def _send(self, cells: Sequence[Cell]) -> None:
        """Hand the cells that are neither in the store nor on their way to the crew, in groups."""
        groups: dict[str, Group] = {}
        sending: set[str] = set()
        for cell in cells:
            key = self._keys.cell(cell)
            if key in self._cards or key in self._sent or key in sending:
                continue
            found = finished(self._store, key)
            if found is not None:
                self._cards[key] = found
                continue
            sending.add(key)
            name = group_of(cell)
            groups.setdefault(name, Group(name)).tasks.append(Task(cell, key))
        if groups:
            self._progress.say(f"{len(sending)} cells in {len(groups)} groups go to Ray")
            self._crew.add(list(groups.values()))
            self._sent |= sending  # only now: what was not handed over would be waited for without end

    def _wait_for(self, key: str) -> None:
        while True:
            with self._changed:
                there = key in self._cards or key in self._raised
                if not there and self._broken is None:
                    self._changed.wait(timeout=1.0)
            self._report()
            if there:
                return
            if self._broken is not None:
                raise self._broken

    def _report(self) -> None:
        """Say, on the driver's thread, what has happened since the last time."""
        with self._changed:
            news, self._news = self._news, []
        for message in news:
            self._progress.say(message)
        if time.monotonic() - self._told > LOG_SECONDS:
            self._told = time.monotonic()
            done = len(self._sent & (set(self._cards) | set(self._raised)))
            self._progress.say(f"Ray: {done} of {len(self._sent)} cells have arrived")

    # What the crew tells, on its own thread.

    def arrived(self, task: Task, result: Finished) -> None:
        """File a result."""
        card = Scorecard.from_json(result.card)
        # The actor was told absolute paths; the run's record says what the user said.
        given = self._keys.provenance(task.cell)
        said = {name: given[name] for name in ("subject_spec", "concept_source") if name in given}
        card = replace(card, provenance={**card.provenance, **said})
        edit = result.edit
        if edit is not None:
            self._store.put_edit(task.key, lambda path: path.write_bytes(edit))  # first: a cell that is there is whole
        self._file(card, result.warnings)

    def gave_up(self, task: Task, reason: str) -> None:
        """File an error row for a cell whose actors died one after the other."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        failure = Failure(
            kind="ActorDied",
            message=f"{task.attempts} Ray actors died while they scored this cell",
            traceback=f"What Ray says of the last: {reason}",
            advice="Look for a crash in compiled code or for too little memory: score the cell with "
            "--interp-executor local, or give each actor more of a machine with --interp-ray-cpus.",
        )
        self._file(
            Scorecard(
                schema=SCHEMA,
                key=task.key,
                cell=task.cell.id,
                estimates=(),
                provenance={**self._keys.provenance(task.cell), "started": now, "finished": now, "seconds": 0.0},
                error=failure,
                role=role(task.cell),
            )
        )

    def _file(self, card: Scorecard, told: tuple[str, ...] = ()) -> None:
        self._store.put(card)
        with self._changed:
            self._cards[card.key] = card
            self._warned[card.key] = told
            if card.error is not None:
                self._news.append(f"{card.cell}: {card.error.kind}: {card.error.message}")
            self._changed.notify_all()

    def failed(self, task: Task, error: BaseException) -> None:
        """Keep what an actor raised for whoever asks for the cell."""
        with self._changed:
            self._raised[task.key] = error
            self._changed.notify_all()

    def said(self, message: str) -> None:
        """Keep a message until the driver's thread can write it."""
        with self._changed:
            self._news.append(message)

    def broke(self, error: BaseException) -> None:
        """Nothing more will arrive."""
        with self._changed:
            self._broken = error
            self._changed.notify_all()


def group_of(cell: Cell) -> str:
    """Cells that one actor should score: those that share a capture. Fixtures without a subject share nothing."""
    return cell.fixture.shard if isinstance(cell.fixture, SubjectFixture) else cell.fixture.id


def _files_in_passing() -> Mapping[str, str]:
    """Files of the methods that are not interpmark's own, such as those of a conftest.py, by name."""
    others = [info for info in available() if not info.cls.__module__.startswith("interpmark.")]
    return {info.name: str(file) for info in others if (file := source_file(info.cls)) is not None}
