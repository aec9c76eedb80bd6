"""The end of a run: the leaderboard on the terminal and in the store's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from interpmark.reports.leaderboard import leaderboard, write_reports
from interpmark.reports.scorecard import Scorecards
from interpmark.reports.store import Store


def summarise(terminal: pytest.TerminalReporter, root: Path, keys: Sequence[str]) -> None:
    """Print the leaderboard of the cells `keys` and write `leaderboard.md`, `leaderboard.json` and `scores.csv`."""
    store = Store(root)
    cards = [card for card in (store.get(key) for key in keys) if card is not None]
    if not cards:
        return
    scorecards = Scorecards(cards)
    terminal.section("interpmark leaderboard")
    terminal.write_line(leaderboard(scorecards).to_text(width=terminal._tw.fullwidth))
    written = write_reports(scorecards, root)
    terminal.write_line("")
    terminal.write_line("written: " + ", ".join(str(path) for path in written))
