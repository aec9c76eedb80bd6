"""Comparing two runs: every measure of every cell, judged by rules, with Holm's correction over what is gated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from interpmark.reports.gate.rules import Rule
from interpmark.reports.gate.verdicts import Change, Verdict
from interpmark.reports.scorecard import Scorecard

ALPHA = 0.05


@dataclass(frozen=True)
class Comparison:
    """What changed between two runs.

    Attributes:
        changes: By fixture, method and measure; what befell a whole cell has no measure.
        rules: The rules that gate.
        alpha: The chance of any false alarm in a comparison where nothing changed.
        notes: What a reader should know beside the changes, such as a rule that matches nothing.

    """

    changes: tuple[Change, ...]
    rules: tuple[Rule, ...] = ()
    alpha: float = ALPHA
    notes: tuple[str, ...] = ()

    def of(self, *verdicts: Verdict) -> tuple[Change, ...]:
        """Return the changes with one of these verdicts."""
        return tuple(change for change in self.changes if change.verdict in verdicts)

    @property
    def failed(self) -> tuple[Change, ...]:
        """The changes that turn the gate red: gated regressions, and gated cells or measures that are gone."""
        return tuple(change for change in self.changes if change.fails)

    @property
    def regressed(self) -> tuple[Change, ...]:
        """The gated changes that are regressions."""
        return tuple(change for change in self.failed if change.verdict == "regressed")

    @property
    def exit_code(self) -> int:
        """0 when nothing fails, 1 for a regression or something gone, 2 when what is gated could not be compared."""
        raise NotImplementedError


def compare(
    before: Iterable[Scorecard],
    after: Iterable[Scorecard],
    rules: Sequence[Rule] = (),
    *,
    alpha: float = ALPHA,
    seed: int = 0,
) -> Comparison:
    """Compare two runs.

    Args:
        before: Scorecards of the baseline; of several results of a cell the newest counts.
        after: Those of the run that is judged.
        rules: What gates. Measures that no rule names are judged by `DEFAULT_RULES` and do not gate. Without rules
            nothing gates but a cell that is gone or fails now.
        alpha: The chance of any false alarm, over all that is gated.
        seed: Draws the resamples.

    """
    raise NotImplementedError
