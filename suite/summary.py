"""The end of a run: the leaderboard on the terminal and in the store's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from interpmark.reports.leaderboard import leaderboard, write_board
from interpmark.reports.scorecard import Scorecards
from interpmark.reports.store import Store

from .terminal import write_text


def summarise(terminal: pytest.TerminalReporter, root: Path, keys: Sequence[str]) -> None:
    """Print the leaderboard of the cells `keys` and write `leaderboard.md`, `leaderboard.json` and `scores.csv`."""
    store = Store(root)
    cards = [card for card in (store.get(key) for key in keys) if card is not None]
    if not cards:
        return
    board = leaderboard(Scorecards(cards))
    terminal.section("interpmark leaderboard")
    write_text(terminal, board.to_text(width=terminal._tw.fullwidth))
    terminal.write_line("")
    try:
        write_board(board, root)
    except OSError as error:  # a full disk, or somebody else's folder: the scorecards are there all the same
        terminal.write_line(f"leaderboard.md, leaderboard.json and scores.csv could not be written: {error}")
    else:
        terminal.write_line(f"scorecards, leaderboard.md, leaderboard.json and scores.csv: {root}")
