"""Rules of the gate: how much worse a measure may become, and on which fixtures.

    residual_accuracy:0.02                      by 0.02 on any fixture
    edit_norm:5%                                by 5 % of what it was
    gender/*:residual_accuracy:0.02             on fixtures of the concept gender
    gender@smollm2-135m/resid_post.26:last:edit_norm:5%

Where several rules name a measure of a fixture, the last one counts.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from interpmark.reports.measures import MEASURES
from interpmark.reports.scorecard import CellId

_TOLERANCE = re.compile(r"\+?(\d+(?:\.\d*)?|\.\d+)(?:[eE]([+-]?\d+))?(%?)")
_FORM = "MEASURE:TOLERANCE or FIXTURES:MEASURE:TOLERANCE, such as residual_accuracy:0.02 or gender/*:edit_norm:5%"


class RuleError(ValueError):
    """A rule that cannot be read, or that cannot tell better from worse."""


@dataclass(frozen=True)
class Rule:
    """How much worse a measure may become.

    Attributes:
        measure: Name of a measure that is good in some direction.
        amount: Tolerance, not negative: in the measure's unit, or as a fraction of the value before.
        relative: Whether `amount` is such a fraction.
        fixtures: Glob of fixtures.

    """

    measure: str
    amount: float
    relative: bool = False
    fixtures: str = "*"

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            near = difflib.get_close_matches(self.measure, MEASURES, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise RuleError(f"unknown measure {self.measure!r}{hint} Measures: {', '.join(_gateable())}")
        if self.measure not in _gateable():
            raise RuleError(
                f"{self.measure} is good in no direction, so no change of it is a regression; "
                f"measures to gate: {', '.join(_gateable())}"
            )
        if not (math.isfinite(self.amount) and self.amount >= 0):
            raise RuleError(f"the tolerance of {self.measure} is {self.amount}; it is a finite number from 0 on")

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read a rule as it is written on a command line. Raises RuleError saying what is wrong with it."""
        # From the right: a fixture's full name has a colon of its own.
        *fixtures, measure, tolerance = [part.strip() for part in text.rsplit(":", 2)] if ":" in text else ["", ""]
        found = _TOLERANCE.fullmatch(tolerance)
        if not measure or fixtures == [""]:
            raise RuleError(f"rule {text!r} is not of the form {_FORM}")
        if found is None:
            raise RuleError(f"rule {text!r}: {tolerance!r} is no tolerance; write {_FORM}")
        amount, percent = float(tolerance.rstrip("%")), bool(found[3])
        return cls(measure, amount / 100 if percent else amount, percent, fixtures[0] if fixtures else "*")

    def covers(self, cell: CellId) -> bool:
        """Return whether the rule is about the cell's fixture and kind of method."""
        good = MEASURES[self.measure].is_for(cell.kind) and MEASURES[self.measure].direction(cell.kind) != "context"
        return good and self.is_about(cell)

    def is_about(self, cell: CellId) -> bool:
        """Return whether the rule is about the cell's fixture."""
        return any(fnmatchcase(name, self.fixtures) for name in _names(cell))

    def tolerance(self, before: float) -> float:
        """Return the tolerance in the measure's unit, given the value before."""
        return self.amount * abs(before) if self.relative else self.amount

    def __str__(self) -> str:
        amount = f"{100 * self.amount:g}%" if self.relative else f"{self.amount:g}"
        return f"{'' if self.fixtures == '*' else self.fixtures + ':'}{self.measure}:{amount}"


def rule_for(rules: Sequence[Rule], cell: CellId, measure: str) -> Rule | None:
    """Return the last rule about a measure of a cell, None when there is none."""
    return next((rule for rule in reversed(rules) if rule.measure == measure and rule.covers(cell)), None)


def _names(cell: CellId) -> tuple[str, ...]:
    place = f"{cell.site}:{cell.slot}"
    return (
        cell.fixture,
        cell.concept,
        f"{cell.concept}/{place}",
        f"{cell.concept}/{cell.site}",
        f"{cell.concept}/{cell.subject}/{place}",
    )


def _gateable() -> tuple[str, ...]:
    """Names of the measures that are good in some direction for some kind of method."""
    return tuple(name for name, measure in MEASURES.items() if set(measure.better.values()) - {"context"})


DEFAULT_RULES: tuple[Rule, ...] = tuple(
    map(
        Rule.parse,
        (
            "steering_effect:0.05",
            "steering_effect_towards:0.05",
            "steering_effect_away:0.05",
            "steering_effect_at_0.1:0.05",
            "steering_effect_at_0.3:0.05",
            "residual_accuracy:0.02",
            "residual_accuracy_transfer:0.02",
            "linear_information:0.02",
            "guard_residual:0.01",
            "edit_norm:5%",
            "edit_norm_off_target:5%",
            "edit_excess:5%",
            "behavior_effect:0.05",
            "behavior_effect_transfer:0.05",
            "behavior_effect_lowest_class:0.1",
            "behavior_effect_highest_class:0.1",
            "behavior_worst_template:0.1",
            "behavior_swap_success:0.1",
            "behavior_tv_off_target:0.01",
            "perplexity_damage:0.01",
        ),
    )
)
"""What changes are judged by where no rule says otherwise; these inform and do not gate. Costs have none."""
