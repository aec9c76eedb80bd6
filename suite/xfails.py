"""Expected failures, from the file of --interp-xfails.

One entry a line, three fields between bars, the last one optional; `#` begins a comment:

    test_claims[my-eraser-*]                  | claims idempotent, is not: issue 12
    leace-gender@smollm2-135m/*-s0            | needs more rows than it gets      | until 2027-03-01

The first field names tests: by node id, by the name with its parameters, or by the parameters alone (a cell's id: all
tests of the cell). `*` and `?` stand for any characters, and no other character is special, because ids hold brackets.
A test that an entry names is to fail: when it passes, it is red. After its last day an entry excuses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from .errors import UsageError, did_you_mean

_UNMATCHED = "interp_xfails_unmatched"
_COMMENT = re.compile(r"(^|\s)#.*")
_EXAMPLE = "ID | REASON, or ID | REASON | until YYYY-MM-DD"


@dataclass(frozen=True)
class ExpectedFailure:
    """One entry: which tests, why, the last day on which it holds (None: no end), and its line in the file."""

    pattern: str
    reason: str
    until: date | None
    line: int

    def names(self, ids: Iterable[str]) -> bool:
        """Return whether the pattern is one of these ids, as a whole."""
        return any(_glob(self.pattern).fullmatch(each) for each in ids)

    def expired(self, today: date) -> bool:
        """Return whether its last day is over."""
        return self.until is not None and self.until < today


def read_xfails(path: Path) -> tuple[ExpectedFailure, ...]:
    """Read the entries of a file.

    Raises:
        UsageError: The file cannot be read, or a line is no entry, or two lines are of one id; it names the line.

    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--interp-xfails: {path} cannot be read: {error}") from error
    stripped = [(number, _COMMENT.sub("", line).strip()) for number, line in enumerate(lines, start=1)]
    entries = tuple(_entry(f"{path}:{number}", number, text) for number, text in stripped if text)
    first: dict[str, int] = {}
    for entry in entries:
        if first.setdefault(entry.pattern, entry.line) != entry.line:
            raise UsageError(
                f"{path}:{entry.line}: {entry.pattern} is expected to fail in line {first[entry.pattern]} already; "
                "take one of the two lines out"
            )
    return entries


def _entry(where: str, line: int, text: str) -> ExpectedFailure:
    pattern, *rest = (field.strip() for field in text.split("|"))
    if not pattern or not rest or not rest[0]:
        raise UsageError(f"{where}: an id and a reason are due, with a bar between them: {_EXAMPLE}; this is {text!r}")
    if len(rest) > 2:
        raise UsageError(f"{where}: there are {len(rest)} bars, and an entry has one or two: {_EXAMPLE}")
    return ExpectedFailure(pattern, rest[0], _day(where, rest[1]) if len(rest) == 2 else None, line)


def _day(where: str, text: str) -> date:
    word, _, day = text.partition(" ")
    try:
        if word != "until":
            raise ValueError
        return date.fromisoformat(day.strip())
    except ValueError:
        near = did_you_mean(word, ["until"]) if word != "until" else ""
        raise UsageError(f"{where}: {text!r} is no last day{near}; write it as in: until 2027-03-01") from None


def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)


class ExpectedFailures:
    """The part of the plugin that marks the tests and reports entries that are out of date."""

    def __init__(self, path: Path, entries: Sequence[ExpectedFailure]) -> None:
        today = datetime.now(UTC).date()
        self._path = path
        self._expired = [entry for entry in entries if entry.expired(today)]
        self._live = [entry for entry in entries if not entry.expired(today)]
        self._entries = entries
        self._unmatched: set[int] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Mark what is to fail; first of all, so that `-k` has not left items out yet."""
        ids = {item: _ids(item) for item in items}
        for entry in self._live:
            for item in (item for item in items if entry.names(ids[item])):
                item.add_marker(pytest.mark.xfail(reason=entry.reason, strict=True))
        self._unmatched = {entry.line for entry in self._entries if not any(map(entry.names, ids.values()))}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the controller of pytest-xdist, which collects nothing, what matched nothing here."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[_UNMATCHED] = sorted(self._unmatched)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take what a worker tells; all workers collect the same."""
        self._unmatched |= set(getattr(node, "workeroutput", {}).get(_UNMATCHED, ()))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """Report the entries that excuse nothing: their day is over, or they name no test."""
        told = [
            f"line {e.line}: {e.pattern} expired after {e.until}: fix the test or set a new day" for e in self._expired
        ]
        # A shard has part of the tests, and so says nothing of ids that it lacks.
        if not config.getoption("--interp-shard"):
            told += [
                f"line {entry.line}: {entry.pattern} names no test of this run"
                for entry in self._entries
                if entry.line in self._unmatched
            ]
        if told:
            terminalreporter.section(f"interpmark expected failures: {self._path}")
            for line in told:
                terminalreporter.write_line(line)


def register_xfails(config: pytest.Config) -> None:
    """Read the file of --interp-xfails, where one is given, and add the part that acts on it.

    Raises:
        pytest.UsageError: The file is not in order.

    """
    path = config.getoption("--interp-xfails")
    if path is None:
        return
    try:
        entries = read_xfails(Path(path))
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(ExpectedFailures(Path(path), entries), "interpmark-xfails")


def _ids(item: pytest.Item) -> tuple[str, ...]:
    parameters = getattr(getattr(item, "callspec", None), "id", None)
    return (item.nodeid, item.name, *([parameters] if parameters else []))
