"""Comparing two runs: every measure of every cell, judged by rules, with Holm's correction over what is gated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from interpmark.reports.estimate import Estimate
from interpmark.reports.gate.pairs import Pair, pairs_of
from interpmark.reports.gate.rules import DEFAULT_RULES, Rule, rule_for
from interpmark.reports.gate.verdicts import Change, Verdict, judge
from interpmark.reports.gate.wording import cost_reason, reason_for
from interpmark.reports.holm import holm
from interpmark.reports.measures import MEASURES
from interpmark.reports.numbers import one_line
from interpmark.reports.paired import Difference, NotPairedError, paired_difference
from interpmark.reports.scorecard import Scorecard

ALPHA = 0.05
_COMPARED: tuple[Verdict, ...] = ("improved", "unchanged", "regressed", "inconclusive")
_USUAL_COST = 0.5
_COSTS = frozenset(name for name, measure in MEASURES.items() if measure.group == "cost")


@dataclass(frozen=True)
class Comparison:
    """What changed between two runs.

    Attributes:
        changes: By kind, fixture, method and measure; what befell a whole cell has no measure.
        rules: The rules that gate.
        alpha: The chance of any false alarm in a comparison where nothing changed.
        unmatched: Rules that no score of either run is under; a gate that checks nothing must not be green.

    """

    changes: tuple[Change, ...]
    rules: tuple[Rule, ...] = ()
    alpha: float = ALPHA
    unmatched: tuple[Rule, ...] = ()

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
    def blocked(self) -> tuple[Change, ...]:
        """What is gated and cannot be compared."""
        return tuple(change for change in self.of("incomparable") if change.gated)

    @property
    def compared(self) -> bool:
        """Whether any score was held against its earlier one."""
        return any(change.measure is not None for change in self.of(*_COMPARED))

    @property
    def exit_code(self) -> int:
        """0 when nothing fails, 1 for a regression or something gone, 2 when what is gated could not be compared."""
        if self.failed:
            return 1
        return 2 if self.blocked or self.unmatched or not self.compared else 0


@dataclass(frozen=True, eq=False)
class _Question:
    """A measure of a pair that both runs scored, and the rule that it is judged by."""

    pair: Pair
    measure: str
    rule: Rule
    gated: bool

    @property
    def before(self) -> Estimate:
        return self.pair.estimates[0][self.measure]

    @property
    def after(self) -> Estimate:
        return self.pair.estimates[1][self.measure]


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
    changes: list[Change] = []
    questions: list[_Question] = []
    pairs = pairs_of(before, after)
    for pair in pairs:
        whole = _whole(pair, rules)
        changes += whole
        if not whole or (pair.seeds and whole[0].verdict != "incomparable"):
            told, asked = _measures(pair, rules)
            changes += told
            questions += asked
    for gated in (True, False):
        changes += _answers([question for question in questions if question.gated is gated], alpha, seed)
    changes.sort(key=_order)
    return Comparison(tuple(changes), tuple(rules), alpha, _unmatched(rules, pairs))


def _order(change: Change) -> tuple[str, str, str, int]:
    place = -1 if change.measure is None else list(MEASURES).index(change.measure)
    return change.kind, change.fixture, change.method, place


def _unmatched(rules: Sequence[Rule], pairs: Sequence[Pair]) -> tuple[Rule, ...]:
    scored = [(pair.cell, names) for pair in pairs if (names := _scored(pair))]
    return tuple(rule for rule in rules if not any(rule.covers(cell) and rule.measure in ns for cell, ns in scored))


def _scored(pair: Pair) -> set[str]:
    cards = [*pair.before.values(), *pair.after.values()]
    return {estimate.measure for card in cards for estimate in card.estimates if estimate.status == "ok"}


def _change(pair: Pair, measure: str | None, verdict: Verdict, reason: str, *, gated: bool) -> Change:
    cell = pair.cell
    ends = [found.get(measure) for found in pair.estimates] if measure is not None else [None, None]
    return Change(
        cell.method, cell.kind, cell.fixture, pair.newest.role, measure, verdict, reason, gated, pair.seeds, *ends
    )  # fmt: skip


def _whole(pair: Pair, rules: Sequence[Rule]) -> list[Change]:
    fate = pair.fate()
    if fate is None:
        return []
    gated = fate.verdict != "new" and (not rules or any(rule.covers(pair.cell) for rule in rules))
    return [_change(pair, None, fate.verdict, fate.reason, gated=gated)]


def _measures(pair: Pair, rules: Sequence[Rule]) -> tuple[list[Change], list[_Question]]:
    """What can be told of each measure without a test, and what needs one."""
    changes, questions = [], []
    before, after = pair.estimates
    for measure in MEASURES:
        found = rule_for(rules, pair.cell, measure)
        rule = found or rule_for(DEFAULT_RULES, pair.cell, measure)
        scored = [measure in side and side[measure].status == "ok" for side in (before, after)]
        if not any(scored) or (rule is None and measure not in _COSTS):
            continue
        gated = found is not None
        if not all(scored):
            lost = scored[0]
            side = (after if lost else before).get(measure)
            reason = f"not scored {'now' if lost else 'before'}: {one_line(side.reason) if side else 'not measured'}"
            changes.append(_change(pair, measure, "missing" if lost else "new", reason, gated=gated and lost))
        elif measure in _COSTS:
            changes.append(_cost(pair, measure, found))
        elif rule is not None:
            questions.append(_Question(pair, measure, rule, gated))
    return changes, questions


def _cost(pair: Pair, measure: str, rule: Rule | None) -> Change:
    """Costs are one timing each: no test says whether a change is real, so only a rule makes it more than a remark."""
    before, after = (side[measure].value for side in pair.estimates)
    assert before is not None
    assert after is not None
    tolerance = _USUAL_COST * before if rule is None else rule.tolerance(before)
    elsewhere = _machine(pair.cards()[0]) != _machine(pair.cards()[1])
    verdict = judge(after - before, after - before, after - before, tolerance, significant=True)
    if verdict != "unchanged" and (elsewhere or rule is None):
        verdict = "inconclusive"
    change = _change(pair, measure, verdict, "", gated=rule is not None)
    reason = cost_reason(before, after, tolerance, verdict, elsewhere=elsewhere)
    return replace(change, reason=reason, tolerance=tolerance)


def _machine(cards: Sequence[Scorecard]) -> list[object]:
    return [[card.provenance.get(name) for name in ("processor", "cores", "platform", "device")] for card in cards]


def _answers(questions: Sequence[_Question], alpha: float, seed: int) -> list[Change]:
    """Test one family of measures, with Holm's correction over it."""
    changes, tested = [], []
    for question in questions:
        target = 1.0 if MEASURES[question.measure].direction(question.pair.cell.kind) == "one" else None
        before, after = question.pair.cards()
        level = alpha / len(questions)
        try:
            found = paired_difference(before, after, question.measure, seed=seed, target=target, alpha=level)
        except NotPairedError as error:
            reason = f"{one_line(str(error))}; {question.pair.advice()}"
            changes.append(_change(question.pair, question.measure, "incomparable", reason, gated=question.gated))
            continue
        tested.append((question, found))
    adjusted = holm([found.p for _, found in tested])
    changes += [_judged(question, found, p, alpha) for (question, found), p in zip(tested, adjusted, strict=True)]
    return changes


def _judged(question: _Question, found: Difference, p: float, alpha: float) -> Change:
    value = question.before.value
    assert value is not None
    tolerance = question.rule.tolerance(value)
    turned = (found.value, found.low, found.high)
    if MEASURES[question.measure].direction(question.pair.cell.kind) == "higher":
        turned = (-found.value, -found.high, -found.low)
    verdict = judge(*turned, tolerance, significant=p <= alpha)
    # Caught four times out of five: significant that often, and beyond the tolerance that often.
    detectable = max(found.detectable, tolerance + 0.85 * found.error)
    change = _change(question.pair, question.measure, verdict, "", gated=question.gated)
    reason = reason_for(verdict, turned, tolerance, p, detectable, alpha)
    return replace(change, reason=reason, difference=found, p=p, tolerance=tolerance, detectable=detectable)
