"""A comparison as text for a terminal, and as Markdown for a pull request or a CI job's summary.

Changes of one measure of one method stand in a row each. What fails comes first; what is unchanged is only counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from interpmark.reports.estimate import Estimate
from interpmark.reports.gate import Change, Comparison, Verdict
from interpmark.reports.measures import MEASURES
from interpmark.reports.numbers import decimals_of, estimate_text, number, one_line
from interpmark.reports.rendering import escaped

MARK = "<!-- interpmark comparison -->"
"""First line of a comment, by which a later run finds it and writes over it."""

# GitHub takes comments of 65,536 characters.
_MOST_CHARACTERS = 60_000
_HALF = 5
_ORDER: tuple[Verdict, ...] = (
    "regressed",
    "missing",
    "incomparable",
    "inconclusive",
    "improved",
    "new",
    "unchanged",
)
_BELOW = (
    "before, after and change with 95 % intervals; a change is paired by example, and of the distance to 1 where close "
    "to 1 is good. p is after Holm's correction."
)


def failing(comparison: Comparison) -> tuple[Change, ...]:
    """Return the changes that turn a run red: what fails, and what is gated and could not be compared."""
    unclear = [change for change in comparison.of("incomparable") if change.gated]
    return (*comparison.failed, *(change for change in unclear if not change.fails))


def change_line(change: Change) -> str:
    """Return a change in one line, without the method and the fixture."""
    if change.measure is None:
        return f"{change.verdict}: {one_line(change.reason)}"
    title = MEASURES[change.measure].title if change.measure in MEASURES else change.measure
    return f"{title} {change.verdict}: {_from_to(change) or one_line(change.reason)}"


def counts_line(comparison: Comparison) -> str:
    """Return `3 regressed (2 gated), 1 improved, 40 unchanged`."""
    found = Counter(change.verdict for change in comparison.changes)
    gated = Counter(change.verdict for change in comparison.changes if change.gated)
    parts = [
        f"{found[verdict]} {verdict}" + (f" ({gated[verdict]} gated)" if 0 < gated[verdict] < found[verdict] else "")
        for verdict in _ORDER
        if found[verdict]
    ]
    return ", ".join(parts) or "nothing to compare"


def comparison_text(comparison: Comparison, width: int) -> str:
    """Return a table of what is not unchanged, and the notes; a narrow terminal gets a line for each change."""
    from tabulate import tabulate

    shown = _shown(comparison)
    lines = [counts_line(comparison)]
    if shown:
        rows = [_row(change) for change in shown]
        grid = tabulate(rows, headers=_HEADERS, tablefmt="simple", disable_numparse=True)
        if max(map(len, grid.splitlines())) <= width:
            lines += ["", grid]
        else:
            lines += ["", *(f"{_mark(c)}{c.method} on {c.fixture}: {change_line(c)}" for c in shown)]
    return "\n".join([*lines, *map(one_line, comparison.notes)])


def comment_markdown(comparison: Comparison, baseline: str, notes: Sequence[str] = (), *, judged: bool = True) -> str:
    """Return the body of a comment on a pull request.

    `baseline` names what was compared with, `notes` are said below; `judged` says whether rules gate at all.
    """
    red = failing(comparison) if judged else ()
    verdict = "✅ no regression beyond the rules"
    if red:
        verdict = f"❌ {len(red)} of {len(comparison.changes)} changes fail the gate"
    head = [
        MARK,
        f"### interpmark: {verdict if judged else 'compared, nothing is gated'}",
        "",
        f"Against {escaped(baseline)}: {counts_line(comparison)}.",
    ]
    below = [*comparison.notes, *notes]
    tail = [f"- {escaped(note)}" for note in below]
    shown = _shown(comparison)
    table = _table(shown, _MOST_CHARACTERS - sum(len(line) + 1 for line in [*head, *tail])) if shown else []
    return "\n".join([*head, "", *table, *([""] if table and tail else []), *tail]).rstrip() + "\n"


def bar(change: Change) -> str:
    """Return `·····│██···`: a block for each tolerance that the measure became worse (right) or better (left)."""
    worse = _worse(change)
    if worse is None or not change.tolerance:
        return ""
    blocks = round(worse / change.tolerance)
    left, right = (_side(max(0, -blocks)), _side(max(0, blocks)))
    return f"{left[::-1]}│{right}"


def _side(blocks: int) -> str:
    return "█" * (_HALF - 1) + "…" if blocks > _HALF else "█" * blocks + "·" * (_HALF - blocks)


def _worse(change: Change) -> float | None:
    if change.difference is None:
        return None
    return -change.difference.value if change.direction == "higher" else change.difference.value


_HEADERS = ("", "method", "fixture", "measure", "before", "after", "change", "p", "tolerance")


def _shown(comparison: Comparison) -> list[Change]:
    """Return what is not unchanged, what fails first; inconclusive only where it is gated."""
    changes = [
        change
        for change in comparison.changes
        if change.verdict != "unchanged" and (change.gated or change.verdict != "inconclusive")
    ]
    return sorted(changes, key=lambda change: (not change.fails, not change.gated, _ORDER.index(change.verdict)))


def _row(change: Change) -> list[str]:
    title = "" if change.measure is None else MEASURES[change.measure].title
    names = [f"{_mark(change)}{change.verdict}", one_line(change.method), one_line(change.fixture), title]
    if change.difference is None:
        return [*names, one_line(change.reason), "", "", "", ""]
    return [*names, _text(change.before), _text(change.after), _difference(change), _p(change), _tolerance(change)]


def _table(changes: Sequence[Change], room: int) -> list[str]:
    """Return the rows as Markdown, as many as there is room for."""
    headers = ["verdict", "method", "fixture", "measure", "before → after", "change", "", "p"]
    lines = [_pipes(headers), _pipes(["---"] * len(headers))]
    legend = f"A block is one tolerance; right is worse. {_BELOW}"
    room -= sum(len(line) + 1 for line in lines) + len(legend) + 100
    for done, change in enumerate(changes):
        line = _pipes(_markdown_cells(change))
        room -= len(line) + 1
        if room < 0:
            lines += ["", f"… and {len(changes) - done} more rows."]
            break
        lines.append(line)
    return [*lines, "", f"<sub>{legend}</sub>"]


def _markdown_cells(change: Change) -> list[str]:
    verdict = f"**{change.verdict}**" if change.fails else change.verdict
    title = "" if change.measure is None else MEASURES[change.measure].title
    names = [verdict, *(escaped(text) for text in (change.method, change.fixture, title))]
    if change.difference is None:
        return [*names, escaped(change.reason), "", "", ""]
    blocks = bar(change)
    cells = [escaped(f"{_text(change.before)} → {_text(change.after)}"), escaped(_difference(change))]
    return [*names, *cells, f"`{blocks}`" if blocks else "", _p(change)]


def _pipes(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _mark(change: Change) -> str:
    return "✗ " if change.fails else ""


def _from_to(change: Change) -> str:
    if change.difference is None:
        return ""
    p = _p(change)
    beyond = f", tolerance {_tolerance(change)}" if change.tolerance is not None else ""
    tail = f"{', p ' + p if p else ''}{beyond}"
    return f"{_text(change.before)} -> {_text(change.after)}, change {_difference(change)}{tail}"


def _text(estimate: Estimate | None) -> str:
    return "–" if estimate is None or estimate.status != "ok" else estimate_text(estimate)


def _difference(change: Change) -> str:
    found = change.difference
    if found is None or change.measure is None:
        return ""
    low, high = min(found.low, found.value), max(found.high, found.value)
    as_estimate = Estimate.scored(change.measure, (found.value, low, high), max(found.n, 1))
    decimals = decimals_of(as_estimate)
    interval = f" [{number(low, decimals)}, {number(high, decimals)}]" if low < high else ""
    return f"{'+' if found.value > 0 else ''}{number(found.value, decimals)}{interval}"


def _p(change: Change) -> str:
    if change.p is None:
        return ""
    return "<0.001" if change.p < 0.001 else f"{change.p:.3f}"


def _tolerance(change: Change) -> str:
    return "" if change.tolerance is None else f"{change.tolerance:.3g}"
