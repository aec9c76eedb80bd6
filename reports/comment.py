"""A comparison as the body of a comment on a pull request, and each change of it in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from interpmark.reports.estimate import Estimate
from interpmark.reports.gate import Change, Comparison
from interpmark.reports.gate.rendering import notes, to_look_at
from interpmark.reports.measures import MEASURES
from interpmark.reports.numbers import decimals_of, estimate_text, number, one_line
from interpmark.reports.rendering import escaped

MARK = "<!-- interpmark comparison -->"
"""First line of a comment, by which a later run finds it and writes over it."""

# GitHub takes comments of 65,536 characters.
_MOST_CHARACTERS = 60_000
_HALF = 5
_HEADERS = ("verdict", "method", "fixture", "measure", "before → after", "change", "", "p")
_LEGEND = (
    "A block is one tolerance; right is worse. Intervals are of 95 %; a change is paired by example, and of the "
    "distance to 1 where close to 1 is good. p is after Holm's correction."
)


def change_line(change: Change) -> str:
    """Return a change in one line, without the method and the fixture."""
    if change.measure is None:
        return f"{change.verdict}: {one_line(change.reason)}"
    ends = "" if change.difference is None else f"{_text(change.before)} -> {_text(change.after)}, "
    return f"{MEASURES[change.measure].title} {change.verdict}: {ends}{one_line(change.reason)}"


def comment_markdown(comparison: Comparison, baseline: str, outcome: str, remarks: Sequence[str] = ()) -> str:
    """Return the comment. `baseline` names what was compared with, `outcome` is the heading, `remarks` stand below."""
    found = Counter(change.verdict for change in comparison.changes)
    counts = ", ".join(f"{n} {verdict}" for verdict, n in found.most_common()) or "nothing to compare"
    head = [MARK, f"### {escaped(outcome)}", "", f"Against {escaped(baseline)}: {counts}.", ""]
    tail = [f"- {escaped(remark)}" for remark in (*remarks, *notes(comparison))]
    shown = to_look_at(comparison)
    table = _table(shown, _MOST_CHARACTERS - sum(len(line) + 1 for line in [*head, *tail])) if shown else []
    return "\n".join([*head, *table, *([""] if table and tail else []), *tail]).rstrip() + "\n"


def bar(change: Change) -> str:
    """Return `·····│██···`: a block for each tolerance that the measure became worse (right) or better (left)."""
    if change.difference is None or not change.tolerance:
        return ""
    worse = -change.difference.value if change.direction == "higher" else change.difference.value
    blocks = round(worse / change.tolerance)
    return f"{_side(-blocks)[::-1]}│{_side(blocks)}"


def _side(blocks: int) -> str:
    """A side of the bar, from the middle outwards."""
    return "█" * (_HALF - 1) + "…" if blocks > _HALF else ("█" * blocks).ljust(_HALF, "·")


def _table(changes: Sequence[Change], room: int) -> list[str]:
    """Return the rows as Markdown, as many as there is room for."""
    lines = [_pipes(_HEADERS), _pipes(["---"] * len(_HEADERS))]
    room -= sum(len(line) + 1 for line in lines) + len(_LEGEND) + 100
    for done, change in enumerate(changes):
        line = _pipes(_cells(change))
        room -= len(line) + 1
        if room < 0:
            lines += ["", f"… and {len(changes) - done} more rows."]
            break
        lines.append(line)
    return [*lines, "", f"<sub>{_LEGEND}</sub>"]


def _cells(change: Change) -> list[str]:
    verdict = f"**{change.verdict}**" if change.fails else change.verdict
    title = "" if change.measure is None else MEASURES[change.measure].title
    names = [verdict, *(escaped(text) for text in (change.method, change.fixture, title))]
    if change.difference is None:
        return [*names, escaped(change.reason), "", "", ""]
    cells = [escaped(f"{_text(change.before)} → {_text(change.after)}"), escaped(_difference(change))]
    blocks = bar(change)
    return [*names, *cells, f"`{blocks}`" if blocks else "", _p(change)]


def _pipes(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(estimate: Estimate | None) -> str:
    return "–" if estimate is None or estimate.status != "ok" else estimate_text(estimate)


def _difference(change: Change) -> str:
    found = change.difference
    assert found is not None
    assert change.measure is not None
    low, high = min(found.low, found.value), max(found.high, found.value)
    decimals = decimals_of(Estimate.scored(change.measure, (found.value, low, high), max(found.n, 1)))
    interval = f" [{number(low, decimals)}, {number(high, decimals)}]" if low < high else ""
    return f"{'+' if found.value > 0 else ''}{number(found.value, decimals)}{interval}"


def _p(change: Change) -> str:
    if change.p is None:
        return ""
    return "&lt;0.001" if change.p < 0.001 else f"{change.p:.3f}"
