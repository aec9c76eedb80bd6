"""The end of a run: the leaderboard on the terminal and in the store's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from interpmark.reports.leaderboard import write_reports
from interpmark.reports.scorecard import Scorecards
from interpmark.reports.store import Store


def summarise(terminal: pytest.TerminalReporter, root: Path, keys: Sequence[str]) -> None:
    """Print the leaderboard of the cells `keys` and write `leaderboard.md`, `leaderboard.json` and `scores.csv`."""
    store = Store(root)
    cards = [card for card in (store.get(key) for key in keys) if card is not None]
    if not cards:
        return
    board = write_reports(Scorecards(cards), root)
    terminal.section("interpmark leaderboard")
    terminal.write_line(board.to_text(width=terminal._tw.fullwidth))
    terminal.write_line("")
    terminal.write_line(f"scorecards, leaderboard.md, leaderboard.json and scores.csv: {root}")
