"""Comparing what a session ran with a saved run, by rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from interpmark.reports.baselines import BaselineError, SavedRun, SavedRuns, read_run, write_run
from interpmark.reports.comment import change_line, comment_markdown
from interpmark.reports.gate import Change, Comparison, compare
from interpmark.reports.scorecard import CellId, Scorecard, Scorecards

from .errors import UsageError
from .gate_options import GateOptions
from .options import RunOptions
from .saving import belongs, regenerated, saved_run


@dataclass(frozen=True)
class Baseline:
    """A saved run and the file that it is in."""

    path: Path
    run: SavedRun

    @property
    def title(self) -> str:
        """`main (commit 0123456789ab, 2026-11-21T12:00:00+00:00)`."""
        name = self.path.name.removesuffix(".gz").removesuffix(".json")
        return f"{name} ({self.run.title})" if self.run.title else name


@dataclass(frozen=True)
class Ran:
    """What a session ran: its scorecards, the cells that were asked for, and why it ran part of them ("" for all)."""

    cards: Scorecards
    planned: tuple[CellId, ...]
    partial: str = ""
    interrupted: bool = False


@dataclass(frozen=True)
class Finding:
    """Something that turns the session red: its name as a test, where it is, and what it is in one line."""

    name: str
    where: str
    line: str


@dataclass(frozen=True)
class Judged:
    """A comparison, what to say beside it, and what of it turns the session red."""

    baseline: Baseline
    comparison: Comparison
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def outcome(self) -> str:
        """The outcome in a few words."""
        n = len(self.findings)
        if n:
            return f"❌ interpmark: {n} finding{'s' * (n > 1)} against the baseline"
        return "✅ interpmark: no regression" if self.comparison.rules else "interpmark: compared, no measure is gated"

    def to_markdown(self) -> str:
        """Return the body of a comment on a pull request."""
        return comment_markdown(self.comparison, self.baseline.title, self.outcome, self.notes)


def load_baseline(wanted: GateOptions) -> Baseline | None:
    """Read the run to compare with, before anything is scored.

    Raises:
        UsageError: It does not exist, cannot be read, or is not to be rewritten.

    """
    if wanted.compare is None:
        return None
    runs = SavedRuns()
    try:
        path = runs.find(wanted.compare)
        if wanted.regen and (runs.is_numbered(path) or path.is_dir()):
            raise BaselineError(
                f"--force-regen rewrites a named baseline or a file, and {path} is "
                f"{'a store' if path.is_dir() else 'a numbered run, a record of its commit'}; "
                "save the run with --interp-save NAME or --interp-autosave"
            )
        return Baseline(path, read_run(path))
    except ValueError as error:
        raise UsageError(f"--interp-compare: {error}") from error


def judge(baseline: Baseline, wanted: GateOptions, options: RunOptions, ran: Ran) -> Judged:
    """Compare what was run with the baseline. A cell that the run was not to have, or did not get to, is left out."""
    mine = {card.cell for card in ran.cards}
    before = [card for card in baseline.run.scorecards if card.cell in mine or _is_gone(card, baseline, options, ran)]
    comparison = compare(before, ran.cards, wanted.rules)
    notes = []
    if ran.partial:
        notes.append(f"part of a run: {ran.partial}. Only what was run is compared; nothing is called missing.")
    left_out = len(baseline.run.scorecards) - len(before)
    if left_out and not ran.partial:
        notes.append(f"{left_out} cells of the baseline are of methods, fixtures or seeds that this run does not have")
    if not baseline.run.asked:
        notes.append("a store does not say what its run was asked for: a method that vanished is not noticed")
    return Judged(baseline, comparison, tuple(notes), _findings(comparison, whole=not ran.partial))


def _findings(comparison: Comparison, *, whole: bool) -> tuple[Finding, ...]:
    """What turns the session red: what fails; with rules also what cannot be compared, and a rule about nothing."""
    if not comparison.rules:
        return tuple(map(_finding, comparison.failed))
    found = [_finding(change) for change in (*comparison.failed, *comparison.blocked)]
    if whole:  # a part of a run need not have what a rule is about
        found += [
            Finding(f"rule[{rule}]", str(rule), f"the rule {rule} is about no score of these runs")
            for rule in comparison.unmatched
        ]
    return tuple(found)


def _finding(change: Change) -> Finding:
    name = f"{change.measure or 'cell'}[{change.method}-{change.fixture}]"
    return Finding(name, f"{change.method} on {change.fixture}", change_line(change))


def _is_gone(card: Scorecard, baseline: Baseline, options: RunOptions, ran: Ran) -> bool:
    return not ran.partial and belongs(card.cell, baseline.run, options, ran.planned)


def regenerate(baseline: Baseline, options: RunOptions, ran: Ran) -> str:
    """Write this run's results into the baseline's file; return what was done, "" when they are equal already."""
    if ran.interrupted:
        return f"{baseline.path} is left as it is: the run was interrupted"
    mine = {card.cell for card in ran.cards}
    kept = [
        card.cell
        for card in baseline.run.scorecards
        if card.cell not in mine and not _is_gone(card, baseline, options, ran)
    ]
    new = regenerated(baseline.run, saved_run(ran.cards, options), kept)
    if new is None:
        return ""
    write_run(baseline.path, new)
    return (
        f"{baseline.path} is rewritten with this run's results, and so the run fails; look at the difference, "
        "commit the file, and run again without --force-regen"
    )
