"""A comparison for a terminal, as Markdown and as JSON.

Tables list what a reader must look at: what fails, what was gated and is not settled, and what clearly changed. Scores
that stayed as they were are counted. JSON has everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from interpmark.reports.estimate import Estimate
from interpmark.reports.gate.comparison import Comparison
from interpmark.reports.gate.verdicts import Change
from interpmark.reports.jsontext import dumps
from interpmark.reports.measures import MEASURES
from interpmark.reports.numbers import estimate_text, one_line, shortened
from interpmark.reports.rendering import escaped

COMPARISON_SCHEMA = 1
"""Version of the JSON that `comparison_json` writes."""

_NAME_WIDTH = 44
_HEADERS = ("fixture", "method", "measure", "before", "after", "verdict")


def headline(comparison: Comparison) -> str:
    """Return the outcome and how many changes there are of each verdict, in one line."""
    found = Counter(change.verdict for change in comparison.changes)
    counts = ", ".join(f"{n} {verdict}" for verdict, n in found.most_common())
    return f"{_outcome(comparison)}: {counts}" if counts else _outcome(comparison)


def _outcome(comparison: Comparison) -> str:
    if comparison.failed:
        n = len(comparison.failed)
        return f"FAILED ({n} gated change{'s' * (n > 1)})"
    if comparison.exit_code == 2:
        return "CANNOT COMPARE"
    return "passed" if comparison.rules else "nothing gone (no rule gates a measure)"


def comparison_text(comparison: Comparison, width: int = 120) -> str:
    """Return the outcome, the changes to look at with their reasons, and notes, for a terminal of `width` columns."""
    from tabulate import tabulate

    parts = [shortened(headline(comparison), max(width, 20))]
    shown = to_look_at(comparison)
    measured = _measured(shown)
    if measured:
        rows = [[shortened(cell, _NAME_WIDTH) if i < 2 else cell for i, cell in enumerate(_row(c))] for c in measured]
        parts.append(tabulate(rows, _HEADERS, tablefmt="simple", disable_numparse=True))
    lines = _reasons(shown)
    parts += ["\n".join(lines)] if lines else []
    parts += ["\n".join(notes(comparison))] if notes(comparison) else []
    return "\n\n".join(parts)


def comparison_markdown(comparison: Comparison) -> str:
    """Return the same in GitHub's Markdown, everything from outside escaped, ending in a newline."""
    parts = [f"**{escaped(headline(comparison))}**"]
    shown = to_look_at(comparison)
    measured = _measured(shown)
    whole = [change for change in shown if change not in measured]
    if measured:
        header = (*_HEADERS, "why")
        rows = [[*_row(change), change.reason] for change in measured]
        lines = [_markdown(header, str), _markdown(["---"] * len(header), str)]
        parts.append("\n".join([*lines, *(_markdown(row, escaped) for row in rows)]))
    below = _reasons(whole) + notes(comparison)
    if below:
        parts.append("\n".join(f"- {escaped(line)}" for line in below))
    return "\n\n".join(parts) + "\n"


def comparison_json(comparison: Comparison) -> str:
    """Return everything as JSON: the outcome, the rules and every change, with a schema version."""
    return dumps(
        {
            "schema": COMPARISON_SCHEMA,
            "what": "interpmark comparison",
            "exit_code": comparison.exit_code,
            "headline": headline(comparison),
            "alpha": comparison.alpha,
            "rules": [str(rule) for rule in comparison.rules],
            "unmatched_rules": [str(rule) for rule in comparison.unmatched],
            "changes": [asdict(change) | {"fails": change.fails} for change in comparison.changes],
        }
    )


def to_look_at(comparison: Comparison) -> list[Change]:
    """Return the changes worth a line: failing ones first, then what is gated and not settled, then clear changes."""
    ranked = [(rank, change) for change in comparison.changes if (rank := _rank(change)) is not None]
    return [change for _, change in sorted(ranked, key=lambda item: item[0])]


def _measured(changes: Iterable[Change]) -> list[Change]:
    """Return what has a row in the table: incomparable measures of a cell share their reason, and a line."""
    return [change for change in changes if change.measure is not None and change.verdict != "incomparable"]


def _rank(change: Change) -> int | None:
    if change.fails:
        return 0
    if change.verdict == "incomparable":
        return 1
    if change.gated and change.verdict in ("inconclusive", "improved"):
        return 2
    if change.verdict in ("regressed", "improved", "missing"):
        return 3
    return 4 if change.verdict == "new" and change.measure is None else None


def notes(comparison: Comparison) -> list[str]:
    """Return what else a reader should know, line by line."""
    lines = [
        f"rule {rule} is about no score of these runs: check its glob and its measure" for rule in comparison.unmatched
    ]
    if not comparison.compared:
        lines.append("no score of one run stands against a score of the other")
    if comparison.rules:
        lines.append(
            f"gated: {', '.join(map(str, comparison.rules))}; a regression is worse than the tolerance and significant "
            f"in a paired test over examples, Holm's correction at {comparison.alpha:g} over all gated scores"
        )
    return lines


def _row(change: Change) -> list[str]:
    measure = "" if change.measure is None else MEASURES[change.measure].title
    return [
        one_line(change.fixture),
        one_line(change.method),
        measure,
        _number(change.before),
        _number(change.after),
        _verdict(change),
    ]


def _number(estimate: Estimate | None) -> str:
    return estimate_text(estimate) if estimate is not None and estimate.status == "ok" else "–"


def _reasons(changes: Iterable[Change]) -> list[str]:
    """Return a line for each reason; measures of a cell that share theirs share a line."""
    titles: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        cell = f"{one_line(change.method)} on {one_line(change.fixture)}"
        shared = titles.setdefault((cell, f"{_verdict(change)}: {change.reason}"), [])
        shared += [MEASURES[change.measure].title] if change.measure is not None else []
    return [f"{', '.join([cell, *names])}: {reason}" for (cell, reason), names in titles.items()]


def _verdict(change: Change) -> str:
    return (
        change.verdict if change.gated or change.verdict in ("new", "incomparable") else f"{change.verdict}, not gated"
    )


def _markdown(cells: Sequence[str] | Iterable[str], of: Callable[[str], str]) -> str:
    return f"| {' | '.join(map(of, cells))} |"
