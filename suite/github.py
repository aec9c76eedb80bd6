"""What a job on GitHub Actions is told: a summary in Markdown, and annotations for what failed.

Both follow the variables that GitHub sets: GITHUB_STEP_SUMMARY names the file that the summary is appended to, and
GITHUB_ACTIONS is "true" where a line such as `::error title=...::...` becomes an annotation.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interpmark.reports.scorecard import Scorecard, Scorecards

    from .gating import Judged

# GitHub shows ten errors a step, and takes a mebibyte of summary a step, from all that the step runs.
_MOST_ANNOTATIONS = 10
_MOST_BYTES = 900_000


@dataclass(frozen=True)
class GitHub:
    """Where to write: the summary's file, if there is one, and whether annotations are read."""

    summary: Path | None
    annotated: bool

    @classmethod
    def from_environment(cls) -> GitHub | None:
        """Return what the environment asks for, None outside GitHub Actions."""
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        annotated = os.environ.get("GITHUB_ACTIONS") == "true"
        return cls(Path(summary) if summary else None, annotated) if summary or annotated else None

    def write_summary(self, cards: Scorecards, judged: Judged | None) -> None:
        """Append the comparison, the cells that failed and the leaderboard to the step's summary."""
        if self.summary is None:
            return
        from interpmark.reports.leaderboard import leaderboard
        from interpmark.reports.rendering import escaped

        failed = [f"- {escaped(str(card.cell))}: {escaped(card.error.line)}" for card in cards if card.error]
        parts = [judged.to_markdown()] if judged else ["### interpmark\n"]
        if failed:
            parts.append("\n".join(["#### Failed cells", "", *failed[:100], ""]))
        board = f"<details><summary>Leaderboard</summary>\n\n{leaderboard(cards).to_markdown()}\n</details>\n"
        text = "\n".join([*parts, board])
        if len(text.encode()) > _MOST_BYTES:
            text = "\n".join(
                [*parts, "The leaderboard is too long to stand here; `leaderboard.md` in the store has it.\n"]
            )
        with self.summary.open("a", encoding="utf-8") as file:
            file.write(text + "\n")

    def annotations(self, failed: Sequence[Scorecard], judged: Judged | None) -> list[str]:
        """Return a line for each finding and each failed cell, as many as GitHub shows."""
        if not self.annotated:
            return []
        lines = list(islice(_annotations(failed, judged), _MOST_ANNOTATIONS + 1))
        if len(lines) > _MOST_ANNOTATIONS:
            more = annotation("interpmark", "there are more regressions and failed cells: see the job's summary")
            lines[_MOST_ANNOTATIONS - 1 :] = [more]
        return lines


def _annotations(failed: Sequence[Scorecard], judged: Judged | None) -> Iterator[str]:
    if judged is not None:
        for finding in judged.findings:
            yield annotation(f"interpmark: {finding.where}", finding.line)
    for card in failed:
        if card.error is not None:
            advice = f"\n{card.error.advice}" if card.error.advice else ""
            yield annotation(f"interpmark: {card.cell} failed", card.error.line + advice)


def annotation(title: str, message: str) -> str:
    """Return a workflow command for an error, escaped so that nothing in it is read as another command."""
    return f"::error title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
