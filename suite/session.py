"""What one pytest session holds: its options, its cells and its engine, each made when first needed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from .errors import UsageError
from .options import RunOptions
from .progress import TerminalProgress

if TYPE_CHECKING:
    from interpmark.methods import MethodSpec
    from interpmark.reports.scorecard import Scorecard

    from .cells import Cell
    from .engine import Engine


@dataclass(frozen=True)
class CheckParameter:
    """A check of the contract on a method."""

    method: MethodSpec
    check: str

    @property
    def id(self) -> str:
        """The parameter's part of a test id."""
        return f"{self.method.name}-{self.check}"


class Session:
    """Options, cells and engine of a pytest session."""

    def __init__(self, options: RunOptions, config: pytest.Config) -> None:
        self.options = options
        self._config = config
        self._cells: list[Cell] | None = None
        self._engine: Engine | None = None

    def cells(self) -> list[Cell]:
        """The run's cells.

        Raises:
            pytest.UsageError: The options name something that does not exist or cannot work.

        """
        if self._cells is None:
            from .cells import collect_cells

            self._cells = self._asked(collect_cells)
        return self._cells

    def checks(self) -> list[CheckParameter]:
        """The contract's checks, for every method of the run; of several shards the first one makes them."""
        if self.options.shard is not None and self.options.shard[0] != 1:
            return []
        from .cells import collect_methods
        from .contract import CHECKS

        methods = self._asked(collect_methods)
        return [CheckParameter(method, name) for method in methods for name in CHECKS]

    def _asked(self, collect: Any) -> Any:
        from interpmark.fixtures import FixtureError
        from interpmark.fixtures.subjects import UnknownSubjectError
        from interpmark.methods import MethodError

        try:
            return collect(self.options)
        except (UsageError, MethodError, FixtureError, UnknownSubjectError) as error:
            raise pytest.UsageError(str(error)) from error

    def scorecard(self, cell: Cell) -> Scorecard:
        """The cell's scorecard."""
        if self._engine is None:
            from .engine import Engine

            self._share_cores()
            self._engine = Engine(self.options, self.cells(), TerminalProgress(self._config))
        return self._engine.scorecard(cell)

    def _share_cores(self) -> None:
        """Give each worker of pytest-xdist its part of the cores: threads that wait on each other are slow."""
        workers = getattr(self._config, "workerinput", {}).get("workercount", 1)
        if workers > 1:
            import torch

            torch.set_num_threads(max(1, (os.cpu_count() or 1) // workers))
