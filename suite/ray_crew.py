"""The actors of a run: hired as there is work, given a group when free, replaced when they die."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import ray
from ray.exceptions import RayError, RayTaskError

from .cells import Cell
from .ray_worker import Finished, Job, Worker

# A cell that was being scored when this many actors died, one after the other, is given up.
ATTEMPTS = 3
# So many actors in a row that die before they can begin: none will.
STARTS = 10
# Seconds between two looks at whether to stop.
LOOK_SECONDS = 0.2


@dataclass
class Task:
    """A cell on its way, and how many actors died while they scored it."""

    cell: Cell
    key: str
    attempts: int = 0


@dataclass
class Group:
    """Tasks that one actor should do, because they share a capture."""

    name: str
    tasks: deque[Task] = field(default_factory=deque)


@dataclass(eq=False)
class _Actor:
    """An actor, the machine that it runs on once it is ready, and what it has been given.

    An actor works in the order in which it was asked, so only the first of `pending` can be the next to finish.
    """

    handle: Any
    ready: Any
    machine: str | None = None
    group: Group | None = None
    pending: deque[Any] = field(default_factory=deque)

    @property
    def next(self) -> Any:
        """What it will finish next; None when it has nothing to do."""
        if self.machine is None:
            return self.ready
        return self.pending[0] if self.pending else None


class Listener(Protocol):
    """Told, on the crew's thread, what becomes of the tasks."""

    def arrived(self, task: Task, result: Finished) -> None:
        """A cell is scored."""

    def gave_up(self, task: Task, reason: str) -> None:
        """Too many actors died on a cell."""

    def failed(self, task: Task, error: BaseException) -> None:
        """An actor raised something that is not the method's fault."""

    def said(self, message: str) -> None:
        """Something that a person may want to know."""

    def broke(self, error: BaseException) -> None:
        """The crew cannot go on."""


class Crew:
    """Does groups of tasks on as many actors as the cluster has room for, on a thread of its own.

    There is one actor for each group that waits; those that the cluster has no room for wait in Ray's queue, where an
    autoscaler sees them, and are let go when the groups run out.
    """

    def __init__(self, job: Job, listener: Listener) -> None:
        self._job = job
        self._listener = listener
        self._actor_class = ray.remote(
            num_cpus=job.options.ray_cpus, num_gpus=job.options.ray_gpus, max_restarts=0, max_task_retries=0
        )(Worker)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._groups: deque[Group] = deque()
        self._actors: list[_Actor] = []
        self._dead_starts = 0

    def add(self, groups: Sequence[Group]) -> None:
        """Have groups done."""
        with self._lock:
            self._groups.extend(groups)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="interpmark-ray", daemon=True)
                self._thread.start()

    def stop(self, seconds: float) -> None:
        """Let every actor go, once what has arrived is handed on; wait at most `seconds` for that."""
        self._stopping.set()
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def _work(self) -> None:
        try:
            while not self._stopping.is_set():
                with self._lock:
                    self._staff()
                    if not self._actors:
                        self._thread = None
                        return
                self._collect(LOOK_SECONDS)
            while self._collect(0.0):  # what has arrived by now is kept
                pass
        except BaseException as error:
            self._listener.broke(error)
        for actor in list(self._actors):
            self._dismiss(actor)

    def _staff(self) -> None:
        """Give each free actor a group or let it go, and have one more on the way for each group that waits."""
        for actor in [a for a in self._actors if a.machine is not None and not a.pending]:
            if self._groups:
                self._give(actor, self._groups.popleft())
            else:
                self._dismiss(actor)
        coming = [actor for actor in self._actors if actor.machine is None]
        for actor in coming[len(self._groups) :]:
            self._dismiss(actor)
        for _ in range(len(self._groups) - len(coming)):
            handle = self._actor_class.remote(self._job)
            self._actors.append(_Actor(handle, handle.ready.remote()))

    def _give(self, actor: _Actor, group: Group) -> None:
        actor.group = group
        actor.pending.extend(actor.handle.score.remote(str(task.cell), task.key) for task in group.tasks)
        self._listener.said(f"{group.name}: {len(group.tasks)} cells to an actor on {actor.machine}")

    def _dismiss(self, actor: _Actor) -> None:
        self._actors.remove(actor)
        ray.kill(actor.handle, no_restart=True)

    def _collect(self, seconds: float) -> bool:
        """Wait for the next result of any actor and hand it on; whether there was one."""
        awaited = {actor.next: actor for actor in self._actors if actor.next is not None}
        if not awaited:
            return False
        done, _ = ray.wait(list(awaited), timeout=seconds)
        for reference in done:
            self._take(awaited[reference], reference)
        return bool(done)

    def _take(self, actor: _Actor, reference: Any) -> None:
        try:
            result = ray.get(reference)
        except RayTaskError as error:
            if actor.machine is None or actor.group is None:
                raise  # an actor that cannot make the run's cells: none can
            actor.pending.popleft()
            self._listener.failed(actor.group.tasks.popleft(), error)
        except RayError as error:
            # The actor or its machine died, or a result was lost with its machine.
            self._replace(actor, error)
        else:
            if actor.machine is None:
                actor.machine = str(result)
                self._dead_starts = 0
            elif actor.group is not None:
                actor.pending.popleft()
                self._listener.arrived(actor.group.tasks.popleft(), result)

    def _replace(self, actor: _Actor, error: RayError) -> None:
        """Put what a dead actor left undone back, first in the queue; `_staff` hires another."""
        self._dismiss(actor)
        reason = str(error)
        if actor.group is None:
            self._dead_starts += 1
            if self._dead_starts >= STARTS:
                raise RuntimeError(f"{STARTS} Ray actors in a row died before they could begin; the last: {reason}")
            return
        tasks = actor.group.tasks
        tasks[0].attempts += 1
        self._listener.said(f"an actor on {actor.machine} died; {len(tasks)} cells of {actor.group.name} run again")
        if tasks[0].attempts >= ATTEMPTS:
            self._listener.gave_up(tasks.popleft(), reason)
        if tasks:
            with self._lock:
                self._groups.appendleft(actor.group)
