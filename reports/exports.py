"""A leaderboard in the form that the next reader takes: a terminal, a README, a paper, a spreadsheet or a program."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping

from interpmark.reports.latex import board_latex
from interpmark.reports.leaderboard import Leaderboard
from interpmark.reports.scorecard import Scorecards


def _parquet(board: Leaderboard) -> bytes:
    buffer = io.BytesIO()
    Scorecards(board.scorecards).to_frame().to_parquet(buffer, index=False)
    return buffer.getvalue()


EXPORTS: Mapping[str, Callable[[Leaderboard], str | bytes]] = {
    "markdown": Leaderboard.to_markdown,
    "latex": board_latex,
    "csv": Leaderboard.to_csv,
    "json": Leaderboard.to_json,
    "parquet": _parquet,
}
"""By format, what makes it of a leaderboard; CSV and Parquet hold the tidy rows of `Scorecards.to_frame`."""
