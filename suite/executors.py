"""Executors: where the cells of a run are scored. The driver is the process that asks and keeps the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from .errors import UsageError, did_you_mean
from .options import RunOptions

if TYPE_CHECKING:
    from interpmark.reports.scorecard import Scorecard

    from .cells import Cell
    from .progress import Progress

EXECUTORS = ("local", "ray")


class Executor(Protocol):
    """Scores cells on demand."""

    def scorecard(self, cell: Cell) -> Scorecard:
        """The cell's scorecard, in the store when this returns."""

    def close(self) -> None:
        """Stop what still runs. What has been finished is kept."""


class LocalExecutor:
    """Scores a cell when it is asked for, in this process."""

    def __init__(
        self, options: RunOptions, cells: Sequence[Cell], wanted: Sequence[Cell], progress: Progress | None
    ) -> None:
        from .ahead import SubjectAhead
        from .engine import Engine

        self._engine = Engine(options, cells, progress)
        self._ahead = SubjectAhead(options.subject, wanted)

    def scorecard(self, cell: Cell) -> Scorecard:
        """The cell's scorecard."""
        if self._ahead.may_begin(cell) and not self._engine.has(cell):
            self._ahead.begin()
        return self._engine.scorecard(cell)

    def close(self) -> None:
        """Stop making the subject ready, where no cell has come to need it."""
        self._ahead.stop()


def check_executor(options: RunOptions) -> None:
    """Refuse a run that its executor cannot do, before anything long begins.

    Raises:
        UsageError: The executor does not exist, is not installed, or does not go with the other options.

    """
    if options.executor not in EXECUTORS:
        hint = did_you_mean(options.executor, EXECUTORS) or "."
        raise UsageError(f"unknown executor {options.executor!r}{hint} Executors: {', '.join(EXECUTORS)}.")
    if options.executor == "ray":
        _check_ray(options)
    elif (options.ray_address, options.ray_cpus, options.ray_gpus) != (None, 1.0, 0.0):
        raise UsageError("--interp-ray-address, --interp-ray-cpus and --interp-ray-gpus need --interp-executor ray")


def _check_ray(options: RunOptions) -> None:
    try:
        import ray  # noqa: F401 - asked for, so that it is missed now and not after the collection
    except ImportError as error:
        raise UsageError(
            f"--interp-executor ray needs Ray, which is not installed ({error}): pip install 'interpmark[ray]'"
        ) from None
    if options.ray_cpus <= 0:
        raise UsageError(f"--interp-ray-cpus must be above 0, not {options.ray_cpus:g}; 0.5 puts two actors on a core")
    if options.ray_gpus < 0:
        raise UsageError(f"--interp-ray-gpus must not be below 0; it is {options.ray_gpus:g}")
    for name, amount in (("cpus", options.ray_cpus), ("gpus", options.ray_gpus)):
        if amount > 1 and amount != int(amount):
            raise UsageError(f"--interp-ray-{name} {amount:g}: Ray gives fractions of one only; above 1 take a whole")
    kind, _, index = options.device.partition(":")
    if index:
        raise UsageError(f"--interp-device {options.device}: Ray chooses each actor's device; name it {kind!r}")
    if kind == "cuda" and options.ray_gpus == 0:
        raise UsageError("--interp-device cuda on Ray needs --interp-ray-gpus, such as 1, or 0.5 for two actors a GPU")


def make_executor(
    options: RunOptions, cells: Sequence[Cell], wanted: Sequence[Cell], progress: Progress | None = None
) -> Executor:
    """The executor that the options name.

    Args:
        options: The run.
        cells: All cells of the run, so that one forward pass serves every site.
        wanted: Those that will be asked for, in this order.
        progress: Where to report; silent by default.

    """
    check_executor(options)
    if options.executor == "ray":
        from .ray_executor import RayExecutor

        return RayExecutor(options, wanted, progress)
    return LocalExecutor(options, cells, wanted, progress)
