"""The end of a session that is saved, compared, gated, or told to GitHub. Made only when one of these is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from .errors import UsageError
from .gate_options import GateOptions, gate_options
from .github import GitHub
from .options import RunOptions
from .terminal import write_text

if TYPE_CHECKING:
    from interpmark.reports.scorecard import Scorecards

    from .cells import Cell
    from .gating import Baseline, Finding, Judged, Ran

KEY_PROPERTY = "interpmark_key"
# What a session that ran to its end can have; a full disk ends one with a usage error, Ctrl-C with an interruption.
_ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
# They keep a list of tests to run again, or are done with counting; what the gate finds is no test of theirs.
_NOT_TOLD = ("terminalreporter", "lfplugin", "stepwiseplugin", "session")


def register_ending(
    config: pytest.Config, options: Callable[[], RunOptions], cells: Callable[[], Sequence[Cell]]
) -> None:
    """Add the ending to a session that asks for one; not to a worker of pytest-xdist, whose controller has it.

    Raises:
        pytest.UsageError: An option cannot work, or there is no such baseline.

    """
    if hasattr(config, "workerinput"):
        return
    try:
        wanted = gate_options(config)
        baseline = None
        if wanted.used:
            from .gating import load_baseline

            baseline = load_baseline(wanted)
    except UsageError as error:
        raise pytest.UsageError(str(error)) from error
    github = GitHub.from_environment()
    if (wanted.used or github is not None) and not config.option.collectonly:
        config.pluginmanager.register(Ending(config, wanted, baseline, github, options, cells), "interpmark-ending")


class Ending:
    """Collects what was scored, and acts on it when the session ends."""

    def __init__(
        self,
        config: pytest.Config,
        wanted: GateOptions,
        baseline: Baseline | None,
        github: GitHub | None,
        options: Callable[[], RunOptions],
        cells: Callable[[], Sequence[Cell]],
    ) -> None:
        self._config, self._wanted, self._baseline, self._github = config, wanted, baseline, github
        self._options, self._cells = options, cells
        self._keys: set[str] = set()
        self._red: set[str] = set()
        self._judged: Judged | None = None
        self._told: list[str] = []
        self._cards: Scorecards | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the scorecard that a test was about."""
        keys = {str(value) for name, value in report.user_properties if name == KEY_PROPERTY}
        self._keys |= keys
        if report.failed:  # an expected failure is not
            self._red |= keys

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Save, compare and gate; first, so that JUnit and the terminal still learn of what fails."""
        if not self._keys:
            if self._wanted.used:
                self._told.append("no cell was scored: there is nothing to save or to compare")
            return
        from interpmark.reports.scorecard import Scorecards
        from interpmark.reports.store import Store

        store = Store(self._options().store)
        cards = (store.get(key) for key in sorted(self._keys))
        self._cards = Scorecards(card for card in cards if card is not None)
        if not self._wanted.used:
            return
        ran = self._ran(self._cards, exitstatus)
        with self._telling(session, "the run"):
            self._save(ran)
        if self._baseline is not None:
            self._compare(session, self._baseline, ran)

    def _ran(self, cards: Scorecards, exitstatus: int) -> Ran:
        from .gating import Ran

        shard = self._options().shard
        planned = tuple(cell.id for cell in self._cells())
        left_out = len(set(planned) - {card.cell for card in cards})
        interrupted = exitstatus not in _ENDED
        reasons = [f"shard {shard[0]}/{shard[1]}"] if shard else []
        reasons += ["the run was interrupted"] if interrupted else []
        reasons += [f"{left_out} of {len(planned)} cells were not run"] if left_out else []
        return Ran(cards, planned, ", ".join(reasons), interrupted)

    @contextmanager
    def _telling(self, session: pytest.Session, what: str) -> Iterator[None]:
        """Tell, and fail for, a file that was asked for and cannot be written; what else ends a run goes on."""
        try:
            yield
        except OSError as error:
            again = "make room or get the right to write there, and run again: no cell is scored twice"
            self._told.append(f"{what} could not be saved: {error}; {again}")
            if _nothing_worse(session.exitstatus):
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _save(self, ran: Ran) -> None:
        if not (self._wanted.autosave or self._wanted.save is not None):
            return
        if ran.interrupted:
            self._told.append("not saved: the run was interrupted")
            return
        from interpmark.reports.baselines import SavedRuns

        from .saving import saved_run

        runs, run = SavedRuns(), saved_run(ran.cards, self._options())
        paths = [runs.save_named(self._wanted.save, run)] if self._wanted.save is not None else []
        paths += [runs.save_numbered(run)] if self._wanted.autosave else []
        part = f", part of a run: {ran.partial}" if ran.partial else ""
        self._told += [f"saved {len(ran.cards)} cells in {path}{part}" for path in paths]

    def _compare(self, session: pytest.Session, baseline: Baseline, ran: Ran) -> None:
        from .gating import judge, regenerate

        self._judged = judge(baseline, self._wanted, self._options(), ran)
        with self._telling(session, "the comment"):
            self._comment(self._judged)
        rewritten = ""
        with self._telling(session, "the baseline"):
            rewritten = regenerate(baseline, self._options(), ran) if self._wanted.regen else ""
        self._told += [rewritten] if rewritten else []
        self._report(session, self._judged.findings)
        if (self._judged.findings or rewritten) and _nothing_worse(session.exitstatus):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _comment(self, judged: Judged) -> None:
        if self._wanted.comment is None:
            return
        from interpmark.reports.atomic import write_atomically

        self._wanted.comment.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._wanted.comment, judged.to_markdown())

    def _report(self, session: pytest.Session, findings: Sequence[Finding]) -> None:
        """Report what fails as failed tests, to JUnit and to whatever else listens."""
        plugins = self._config.pluginmanager
        untold = [plugin for name in _NOT_TOLD if (plugin := plugins.get_plugin(name)) is not None]
        tell = plugins.subset_hook_caller("pytest_runtest_logreport", untold)
        terminal = plugins.get_plugin("terminalreporter")
        for finding in findings:
            failed, ended = _reports(finding)
            tell(report=failed)
            tell(report=ended)
            session.testsfailed += 1
            if terminal is not None:
                terminal.stats.setdefault("failed", []).append(failed)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the comparison below the leaderboard, and tell GitHub."""
        judged = self._judged
        if judged is not None:
            from interpmark.reports.gate.rendering import comparison_text

            terminalreporter.section(f"interpmark comparison with {judged.baseline.title}")
            write_text(terminalreporter, comparison_text(judged.comparison, terminalreporter._tw.fullwidth))
            for note in judged.notes:
                terminalreporter.write_line(note)
        elif self._told:
            terminalreporter.section("interpmark saved runs")
        for line in self._told:
            terminalreporter.write_line(line)
        if self._github is not None and self._cards is not None:
            try:
                self._github.write_summary(self._cards, judged)
            except OSError as error:  # as in a container that has the variable and not the file
                terminalreporter.write_line(f"GITHUB_STEP_SUMMARY could not be written: {error}")
            failed = [card for card in self._cards if card.error is not None and card.key in self._red]
            for line in self._github.annotations(failed, judged):
                terminalreporter.write_line(line)


def _nothing_worse(status: int | pytest.ExitCode) -> bool:
    """Return whether a session has no status that says more than "tests failed" does."""
    return status in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


def _reports(finding: Finding) -> tuple[pytest.TestReport, pytest.TestReport]:
    """Return the reports of a failed test's call and of its end."""
    nodeid, place = f"interpmark-gate::{finding.name}", ("interpmark-gate", None, finding.name)
    return (
        pytest.TestReport(nodeid, place, {}, "failed", finding.line, "call"),
        pytest.TestReport(nodeid, place, {}, "passed", None, "teardown"),
    )
