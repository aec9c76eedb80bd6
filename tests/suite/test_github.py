"""What GitHub is told cannot be turned into another command, and is no more than it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpmark.reports import CellId, Scorecard, Scorecards
from interpmark.reports.scorecard import Failure
from interpmark.suite.github import GitHub, annotation


def failed(method: str) -> Scorecard:
    cell = CellId(method, "eraser", "planted", "planted", "planted", "row", 0)
    return Scorecard(2, f"key-{method}", cell, (), error=Failure("OSError", "100 %\n::set-output::x", advice="mend it"))


def test_a_message_stays_one_command() -> None:
    line = annotation("a,b: c\n", "100 %\r\n::error::x")
    assert line == "::error title=a%2Cb%3A c%0A::100 %25%0D%0A::error::x"
    assert annotation("x", "%0A") == "::error title=x::%250A"


def test_failed_cells_are_errors_up_to_what_github_shows() -> None:
    github = GitHub(None, annotated=True)
    (line,) = github.annotations([failed("a")], None)
    assert line == "::error title=interpmark%3A a-planted-s0 failed::OSError: 100 %25%0Amend it"
    lines = github.annotations([failed(f"m{i}") for i in range(30)], None)
    assert len(lines) == 10
    assert "see the job's summary" in lines[-1]
    assert GitHub(None, annotated=False).annotations([failed("a")], None) == []


def test_the_summary_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    GitHub(path, annotated=False).write_summary(Scorecards([failed("<script>")]), None)
    text = path.read_text()
    assert text.startswith("before\n### interpmark\n")
    assert "- &lt;script&gt;-planted-s0: OSError: 100 %" in text
    assert "<script>" not in text


def test_outside_github_nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    assert GitHub.from_environment() is None
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert GitHub.from_environment() == GitHub(None, annotated=True)
