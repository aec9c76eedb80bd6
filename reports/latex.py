"""Leaderboards as LaTeX tables with booktabs, for a paper: a value, below it its interval, beside it its rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interpmark.reports.legend import legend, rank_legend
from interpmark.reports.measures import MEASURES, Direction
from interpmark.reports.numbers import interval_text, one_line, value_text
from interpmark.reports.rendering import Footnotes, facts, front_lines, seed_notes, shown, title, without_value

if TYPE_CHECKING:
    from interpmark.reports.leaderboard import Leaderboard, Row, Table

_HEAD = (
    "% Made by interpmark leaderboard --format latex.",
    "% Needs \\usepackage{booktabs} and \\usepackage[T1]{fontenc}.",
)
_ARROWS: dict[Direction, str] = {
    "lower": " $\\downarrow$",
    "higher": " $\\uparrow$",
    "one": " $\\rightarrow$1",
    "context": "",
}
_SPECIAL = {
    "\\": "\\textbackslash{}",
    "{": "\\{",
    "}": "\\}",
    "$": "\\$",
    "&": "\\&",
    "#": "\\#",
    "%": "\\%",
    "_": "\\_",
    "^": "\\textasciicircum{}",
    "~": "\\textasciitilde{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    '"': "\\textquotedbl{}",
    "`": "\\textasciigrave{}",
    # A bracket after a line's end would be read as its option.
    "[": "{[}",
    "]": "{]}",
    "–": "--",
    "…": "\\ldots{}",
    "²": "$^2$",
    "→": "$\\rightarrow$",
    "↓": "$\\downarrow$",
    "↑": "$\\uparrow$",
    "α": "$\\alpha$",
    "\N{REPLACEMENT CHARACTER}": "?",
}


def latex_escaped(text: str) -> str:
    """Return text that LaTeX sets as it is, on one line.

    Letters beyond Western European ones, which most fonts lack, become their code, such as U+4E2D.
    """
    return "".join(_SPECIAL.get(char) or _in_font(char) for char in one_line(text))


def _in_font(char: str) -> str:
    return char if char.isascii() or "À" <= char <= "ÿ" else f"U+{ord(char):04X}"


def board_latex(board: Leaderboard) -> str:
    """Return a `table` for each fixture and the legend as a paragraph, ending in a newline."""
    if not board.tables:
        return "\n".join([*_HEAD, "No results.", ""])
    closing = [*legend({table.kind for table in board.tables}), rank_legend("A raised 2–4"), *board.notes]
    paragraph = "\n".join(latex_escaped(line) for line in closing)
    return "\n\n".join(["\n".join(_HEAD), *map(_table, board.tables), f"{{\\footnotesize\n{paragraph}\\par}}"]) + "\n"


def _table(table: Table) -> str:
    measures, absent = shown(table)
    footnotes = Footnotes()
    heads = [
        f"{latex_escaped(MEASURES[name].title)}{_ARROWS[MEASURES[name].direction(table.kind)]}" for name in measures
    ]
    body: list[str] = []
    role = "method"
    for row in table.rows:
        if row.role != role:
            role = row.role
            body += ["\\midrule", f"\\multicolumn{{{len(measures) + 1}}}{{l}}{{\\emph{{{role}s}}}} \\\\"]
        body += _row(table, row, measures, footnotes)
    below = [*front_lines(table), *absent, *footnotes.lines(), *seed_notes(table)]
    caption = ": ".join(part for part in (title(table), facts(table)) if part)
    return "\n".join(
        [
            "\\begin{table}",
            "\\centering\\small\\setlength{\\tabcolsep}{4pt}",
            f"\\caption{{{latex_escaped(caption)}}}",
            f"\\begin{{tabular}}{{l{'r' * len(measures)}}}",
            "\\toprule",
            _cells(["method", *heads]),
            "\\midrule",
            *body,
            "\\bottomrule",
            "\\end{tabular}",
            *([f"\\par\\medskip\\footnotesize {latex_escaped('. '.join(below))}"] if below else []),
            "\\end{table}",
        ]
    )


def _row(table: Table, row: Row, measures: list[str], footnotes: Footnotes) -> list[str]:
    name = latex_escaped(row.method)
    if not row.seeds:
        message = f"error: {latex_escaped(row.failures[-1])}"
        return [_cells([name, f"\\multicolumn{{{len(measures)}}}{{l}}{{{message}}}"])]
    values, intervals = [name], [""]
    for measure in measures:
        estimate = row.estimates.get(measure)
        if estimate is None or estimate.status != "ok":
            values.append(latex_escaped(without_value(estimate, footnotes)))
            intervals.append("")
            continue
        place = table.place(row.method, measure)
        raised = f"\\textsuperscript{{{latex_escaped(place)}}}" if place else ""
        values.append(_number(value_text(estimate)) + raised)
        interval = interval_text(estimate, compact=True)
        intervals.append(f"{{\\scriptsize {_number(interval)}}}" if interval else "")
    return [_cells(values), _cells(intervals)] if any(intervals) else [_cells(values)]


def _number(text: str) -> str:
    """A minus sign and not a hyphen."""
    return latex_escaped(text).replace("-", "$-$")


def _cells(cells: list[str]) -> str:
    return f"{' & '.join(cells)} \\\\"
