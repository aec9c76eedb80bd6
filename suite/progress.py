"""Progress of long work: a bar where a person watches, plain lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pytest

# A plain log gets at most one line about the same piece of work in this many seconds.
LOG_SECONDS = 15.0


class Step(Protocol):
    """Told how far a piece of work has come."""

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` parts are finished."""


class Progress(Protocol):
    """Where the engine reports what it does."""

    def say(self, message: str) -> None:
        """Say one thing."""

    def track(self, message: str) -> AbstractContextManager[Step]:
        """Follow a piece of work that comes in parts."""


class SilentProgress:
    """Says nothing."""

    def say(self, message: str) -> None:
        """Say nothing."""

    @contextmanager
    def track(self, message: str) -> Iterator[Step]:
        """Follow nothing."""
        yield lambda done, total: None


class StreamProgress:
    """Writes to a command's standard error where a person watches, and nothing elsewhere."""

    def say(self, message: str) -> None:
        """Say one thing."""
        if sys.stderr.isatty():
            print(message, file=sys.stderr)

    @contextmanager
    def track(self, message: str) -> Iterator[Step]:
        """Show a bar."""
        from tqdm import tqdm

        with tqdm(desc=message, disable=None, leave=False) as bar:

            def step(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            yield step


class TerminalProgress:
    """Writes through pytest's terminal reporter; silent in the workers of pytest-xdist and with `-q`."""

    def __init__(self, config: pytest.Config) -> None:
        self._reporter = config.pluginmanager.getplugin("terminalreporter")
        self._capture = config.pluginmanager.getplugin("capturemanager")
        worker = hasattr(config, "workerinput")
        self._on = self._reporter is not None and not worker and config.option.verbose >= 0

    def _uncaptured(self) -> AbstractContextManager[None]:
        if self._capture is None:
            return nullcontext()
        outside: AbstractContextManager[None] = self._capture.global_and_fixture_disabled()
        return outside

    def say(self, message: str) -> None:
        """Write one line."""
        if self._on and self._reporter is not None:
            with self._uncaptured():
                self._reporter.ensure_newline()
                self._reporter.write_line(f"interpmark: {message}")

    @contextmanager
    def track(self, message: str) -> Iterator[Step]:
        """Follow a piece of work: a bar on a terminal, else a line now and then."""
        if not self._on:
            yield lambda done, total: None
        elif sys.__stderr__ is not None and sys.__stderr__.isatty():
            with self._bar(message) as step:
                yield step
        else:
            with self._lines(message) as step:
                yield step

    @contextmanager
    def _bar(self, message: str) -> Iterator[Step]:
        from tqdm import tqdm

        with self._uncaptured():
            bar = tqdm(total=0, desc=message, leave=False, file=sys.__stderr__)

            def step(done: int, total: int) -> None:
                with self._uncaptured():
                    bar.total = total
                    bar.update(done - bar.n)

            try:
                yield step
            finally:
                bar.close()

    @contextmanager
    def _lines(self, message: str) -> Iterator[Step]:
        self.say(message)
        last = time.monotonic()

        def step(done: int, total: int) -> None:
            nonlocal last
            if time.monotonic() - last > LOG_SECONDS:
                last = time.monotonic()
                self.say(f"{message}: {done} of {total}")

        yield step
