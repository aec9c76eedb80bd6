"""Leaderboards as text for a terminal and as Markdown."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from interpmark.reports.estimate import Estimate
from interpmark.reports.legend import column_title, legend, rank_legend
from interpmark.reports.measures import MEASURES, headlines
from interpmark.reports.numbers import estimate_text, interval_text, one_line, shortened, value_text

if TYPE_CHECKING:
    from interpmark.reports.leaderboard import Leaderboard, Row, Table

_EMPTY = "No results."
_NAME_WIDTH = 32
# The measures that a narrow terminal keeps longest come first.
_PRIORITY = (
    "steering_effect",
    "steering_effect_at_0.1",
    "steering_effect_at_0.3",
    "residual_accuracy",
    "edit_norm",
    "behavior_effect",
    "perplexity_damage",
    "behavior_tv_off_target",
    "behavior_tv_on_target",
    "behavior_flip_rate",
    "fit_seconds",
)
# Stands in a cell while the table is laid out, and is replaced by an error message that runs over the columns.
_ERROR = "\x02error\x03"


class Footnotes:
    """Reasons, each with a letter; the same reason keeps its letter."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}

    def mark(self, reason: str) -> str:
        """Return the letter of a reason."""
        n = len(self._marks)
        return self._marks.setdefault(reason, chr(ord("a") + n) if n < 26 else str(n + 1))

    def lines(self) -> list[str]:
        """Return the reasons behind their letters."""
        return [f"({mark}) {reason}" for reason, mark in self._marks.items()]


def board_text(board: Leaderboard, width: int) -> str:
    """Return the tables for a terminal of `width` columns."""
    if not board.tables:
        return "\n".join([_EMPTY, *board.notes])
    parts = [_table_text(table, width) for table in board.tables]
    closing = [*legend({table.kind for table in board.tables}), *_reading_ranks(board, "#2–4"), *board.notes]
    parts.append("\n".join(_wrapped(line, width) for line in closing))
    return "\n\n".join(parts)


def _reading_ranks(board: Leaderboard, sign: str) -> list[str]:
    """Say how to read ranks, where there are any."""
    return [rank_legend(sign)] if any(_ranked(table) for table in board.tables) else []


def _ranked(table: Table) -> bool:
    return any(ranking.ranks for ranking in table.rankings.values())


def board_markdown(board: Leaderboard) -> str:
    """Return the tables in GitHub's Markdown, ending in a newline."""
    parts = ["# Leaderboard"]
    parts += [_table_markdown(table) for table in board.tables] or [_EMPTY]
    reading = legend({table.kind for table in board.tables}) if board.tables else []
    closing = [*reading, *_reading_ranks(board, "A raised 2–4"), *board.notes]
    if closing:
        parts.append("\n".join(f"- {escaped(line)}" for line in closing))
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """Return text that Markdown and HTML show as it is, on one line, also within a table."""
    text = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for char in "\\`*[]|":
        text = text.replace(char, f"\\{char}")
    return text


def title(table: Table) -> str:
    """Return the fixture, with the kind of method where it is not the usual one."""
    kind = "" if table.kind == "eraser" else f", {table.kind}s"
    return one_line(table.fixture) + kind + (" (older: see the notes)" if table.outdated else "")


def facts(table: Table) -> str:
    """Return what holds for the whole table: unedited accuracy, majority rate and seeds."""
    told = [
        f"{MEASURES[name].title} {estimate_text(estimate)}"
        for name, estimate in table.context.items()
        if estimate.status == "ok"
    ]
    seeds = _usual_seeds(table)
    if seeds:
        told.append(f"seed {seeds[0]}" if len(seeds) == 1 else f"mean over seeds {', '.join(map(str, seeds))}")
    return "; ".join(told)


def _table_text(table: Table, width: int) -> str:
    measures, absent = shown(table)
    fits = [layout for layout in _layouts(measures) if _width(_grid(table, *layout, Footnotes())) <= width]
    # When not even two measures fit, they are printed all the same: the lines will wrap.
    chosen, stacked = fits[0] if fits else (_kept(measures, 2), True)
    footnotes = Footnotes()
    grid = _with_errors(_grid(table, chosen, stacked, footnotes), table, width)
    left_out = [MEASURES[name].title for name in measures if name not in chosen]
    lines = [*front_lines(table), *absent, *footnotes.lines(), *seed_notes(table)]
    if left_out:
        lines.append(f"no room for: {', '.join(left_out)} (leaderboard.md has them)")
    return "\n".join(
        [
            _wrapped(f"{title(table)}: {facts(table)}".rstrip(": "), width),
            grid,
            *(_wrapped(line, width) for line in lines),
        ]
    )


def _layouts(measures: Sequence[str]) -> Iterable[tuple[list[str], bool]]:
    """Yield what to try, best first: intervals beside values, intervals below values, then ever fewer measures."""
    yield list(measures), False
    for count in range(len(measures), 0, -1):
        yield _kept(measures, count), True


def _kept(measures: Sequence[str], count: int) -> list[str]:
    first = sorted(measures, key=_PRIORITY.index)[:count]
    return [name for name in measures if name in first]


def _width(grid: str) -> int:
    return max(len(line) for line in grid.splitlines())


def shown(table: Table) -> tuple[list[str], list[str]]:
    """Return the headline measures with a value in some row, and lines that say why the others have none."""
    kept: list[str] = []
    absent: dict[str, list[str]] = {}
    for name in headlines(table.kind):
        found = [row.estimates[name] for row in table.rows if name in row.estimates and row.seeds]
        reasons = {estimate.reason for estimate in found}
        # One reason that all rows share is said once, below, and costs no column.
        if found and all(estimate.status == "not scored" for estimate in found) and len(reasons) == 1:
            absent.setdefault(one_line(reasons.pop()), []).append(MEASURES[name].title)
        elif found:
            kept.append(name)
        elif any(row.seeds for row in table.rows):
            absent.setdefault("not measured", []).append(MEASURES[name].title)
    lines = [f"not scored: {', '.join(titles)} ({reason})" for reason, titles in absent.items()]
    # A table of failures alone keeps one column for their messages.
    kept = kept or list(headlines(table.kind)[:1])
    return kept, lines


def _grid(table: Table, measures: Sequence[str], stacked: bool, footnotes: Footnotes) -> str:
    from tabulate import SEPARATING_LINE, tabulate

    rows: list[list[str]] = []
    role = "method"
    for row in table.rows:
        if row.role != role:
            role = row.role
            rows.append([f"-- {role}s --"])
        name = shortened(one_line(row.method), _NAME_WIDTH)
        if not row.seeds:
            rows.append([name, _ERROR])
            continue
        rows.append([name, *(_text_cell(table, row, measure, stacked, footnotes) for measure in measures)])
    headers = ["method", *(column_title(name, table.kind, stacked=True) for name in measures)]
    padded = [row + [""] * (len(headers) - len(row)) for row in rows]
    # As a header proper, tabulate would pad each column by two; disable_numparse: "0.50" stays as it was rounded.
    grid = tabulate([headers, SEPARATING_LINE, *padded], tablefmt="simple", disable_numparse=True)
    return "\n".join(grid.splitlines()[1:-1])  # without the rules above and below


def _with_errors(grid: str, table: Table, width: int) -> str:
    """Let the messages of failed methods run over the columns."""
    failures = iter([row.failures[-1] for row in table.rows if not row.seeds])
    lines = []
    for line in grid.splitlines():
        start = line.find(_ERROR)
        if start >= 0:
            line = shortened(f"{line[:start]}error: {next(failures)}", width)
        lines.append(line.rstrip())
    return "\n".join(lines)


def _text_cell(table: Table, row: Row, measure: str, stacked: bool, footnotes: Footnotes) -> str:
    estimate = row.estimates.get(measure)
    if estimate is None or estimate.status != "ok":
        return without_value(estimate, footnotes)
    place = table.place(row.method, measure)
    rank = f" #{place}" if place else ""
    if stacked:
        return f"{value_text(estimate)}{rank}\n{interval_text(estimate, compact=True)}".rstrip()
    return estimate_text(estimate) + rank


def _markdown_cell(table: Table, row: Row, measure: str, footnotes: Footnotes) -> str:
    estimate = row.estimates.get(measure)
    if estimate is None or estimate.status != "ok":
        return escaped(without_value(estimate, footnotes))
    place = table.place(row.method, measure)
    return escaped(estimate_text(estimate)) + (f" <sup>{place}</sup>" if place else "")


def front_lines(table: Table) -> list[str]:
    """Name the methods on the Pareto front, where there is one."""
    if table.front is None:
        return []
    titles = ", ".join(MEASURES[name].title for name in table.front.measures)
    order = [row.method for row in table.rows if row.method in table.front.members]
    return [f"Pareto front ({titles}): {', '.join(map(one_line, order))}"]


def without_value(estimate: Estimate | None, footnotes: Footnotes) -> str:
    """Return a sign for a missing value, with the letter of the reason."""
    reason = "not measured" if estimate is None else one_line(estimate.reason)
    sign = "error" if estimate is not None and estimate.status == "error" else "–"
    return f"{sign} ({footnotes.mark(reason)})"


def _table_markdown(table: Table) -> str:
    measures, absent = shown(table)
    footnotes = Footnotes()
    headers = ["method", *(column_title(name, table.kind, stacked=False) for name in measures)]
    lines = [
        f"## {escaped(title(table))}",
        "",
        *filter(None, [escaped(facts(table))]),
        "",
        _markdown_row(headers),
        _markdown_row(["---"] * len(headers)),
    ]
    for row in table.rows:
        name = escaped(row.method) + (f" *({row.role})*" if row.role != "method" else "")
        if row.seeds:
            cells = [_markdown_cell(table, row, measure, footnotes) for measure in measures]
        else:
            cells = [f"error: {escaped(row.failures[-1])}", *[""] * (len(measures) - 1)]
        lines.append(_markdown_row([name, *cells]))
    below = [*front_lines(table), *absent, *footnotes.lines(), *seed_notes(table)]
    if below:
        lines += ["", *(f"- {escaped(line)}" for line in below)]
    return "\n".join(lines)


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _usual_seeds(table: Table) -> tuple[int, ...]:
    """Return the seeds that most rows rest on."""
    found = Counter(row.seeds for row in table.rows if row.seeds)
    return found.most_common(1)[0][0] if found else ()


def seed_notes(table: Table) -> list[str]:
    """Say which rows rest on other seeds than most, and which seeds failed."""
    usual = _usual_seeds(table)
    notes = []
    for row in table.rows:
        name = one_line(row.method)
        if row.seeds and row.seeds != usual:
            notes.append(f"{name}: over seeds {', '.join(map(str, row.seeds))}")
        if row.seeds:
            notes += [f"{name}: a seed failed: {failure}" for failure in dict.fromkeys(row.failures)]
    return notes


def _wrapped(line: str, width: int) -> str:
    return textwrap.fill(line, max(width, 20), break_long_words=False, break_on_hyphens=False)
