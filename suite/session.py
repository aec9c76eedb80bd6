"""What one pytest session holds: its options, its cells and its executor, each made when first needed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from .errors import UsageError
from .options import RunOptions
from .progress import TerminalProgress

if TYPE_CHECKING:
    from interpmark.methods import MethodSpec
    from interpmark.reports.scorecard import Scorecard

    from .cells import Cell
    from .executors import Executor


@dataclass(frozen=True)
class CheckParameter:
    """A check of the contract on a method."""

    method: MethodSpec
    check: str
    time_limit: float

    @property
    def id(self) -> str:
        """The parameter's part of a test id."""
        return f"{self.method.name}-{self.check}"


class Session:
    """Options, cells and executor of a pytest session."""

    def __init__(self, options: RunOptions, config: pytest.Config) -> None:
        self.options = options
        self._config = config
        self._cells: list[Cell] | None = None
        self._executor: Executor | None = None
        self._told: set[str] = set()

    def cells(self) -> list[Cell]:
        """The run's cells.

        Raises:
            pytest.UsageError: The options name something that does not exist or cannot work.

        """
        if self._cells is None:
            from .cells import collect_cells
            from .executors import check_executor

            self._asked(check_executor)
            self._cells = self._asked(collect_cells)
        return self._cells

    def checks(self) -> list[CheckParameter]:
        """The contract's checks, for every method of the run; of several shards the first one makes them."""
        if self.options.shard is not None and self.options.shard[0] != 1:
            return []
        from .cells import collect_methods
        from .contract import CHECKS

        methods = self._asked(collect_methods)
        return [CheckParameter(method, name, self.options.time_limit) for method in methods for name in CHECKS]

    def _asked(self, collect: Any) -> Any:
        from interpmark.fixtures import FixtureError
        from interpmark.fixtures.subjects import SubjectError
        from interpmark.methods import MethodError

        try:
            return collect(self.options)
        except (UsageError, MethodError, FixtureError, SubjectError) as error:
            raise pytest.UsageError(str(error)) from error

    def scorecard(self, cell: Cell) -> Scorecard:
        """The cell's scorecard."""
        from interpmark.fixtures.subjects.folders import CacheFolderError
        from interpmark.reports.store import StoreError

        try:
            if self._executor is None:
                self._executor = self._make_executor()
            return self._executor.scorecard(cell)
        except (StoreError, CacheFolderError) as error:  # nothing can be kept: told once, not by every test
            self._end(str(error))
        except Exception as error:  # no method's fault: the subject does not load. In full once, and then in a line
            told = f"{type(error).__name__}: {error}"
            if told not in self._told:
                self._told.add(told)
                raise
        pytest.fail(told, pytrace=False)

    def _make_executor(self) -> Executor:
        from .executors import make_executor

        self._share_cores()
        progress = TerminalProgress(self._config)
        try:
            return make_executor(self.options, self.cells(), self._selected(), progress)
        except UsageError as error:  # no cell can be scored
            self._end(str(error))

    def _end(self, message: str) -> NoReturn:
        """End the whole run with one message."""
        session = self._config.pluginmanager.get_plugin("session")
        if session is not None and hasattr(self._config, "workerinput"):
            # pytest-xdist takes a worker that exits for one that crashed, and drops what it said.
            session.shouldstop = message
            pytest.fail(message, pytrace=False)
        pytest.exit(message, returncode=pytest.ExitCode.USAGE_ERROR)

    def _selected(self) -> list[Cell]:
        """The cells that a test of this session will ask for, in that order: `-k` may have left few."""
        session = self._config.pluginmanager.get_plugin("session")
        items = [] if session is None else session.items
        params = [item.callspec.params for item in items if hasattr(item, "callspec")]
        cells = dict.fromkeys(param.get("interp_cell") for param in params)
        return [cell for cell in cells if cell is not None]  # a test that has no cells in this run has a None

    def close(self) -> None:
        """Stop what still runs for the session."""
        if self._executor is not None:
            self._executor.close()

    def _share_cores(self) -> None:
        """Give each worker of pytest-xdist its part of the cores: threads that wait on each other are slow."""
        workers = getattr(self._config, "workerinput", {}).get("workercount", 1)
        if workers > 1:
            import torch

            part = max(1, (os.cpu_count() or 1) // workers)
            torch.set_num_threads(min(part, torch.get_num_threads()))  # never more than OMP_NUM_THREADS allows
