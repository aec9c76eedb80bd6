"""A comparison as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable

from interpmark.reports import Scorecard
from interpmark.reports.gate import Rule, compare
from interpmark.reports.gate.rendering import comparison_json, comparison_markdown, comparison_text

from .conftest import worse

Make = Callable[..., Scorecard]
RULES = [Rule("residual_accuracy", 0.02)]


def test_text_says_the_outcome_first_and_lists_what_fails(make_run: Make) -> None:
    text = comparison_text(compare([make_run()], [worse(make_run(), 0.5)], RULES))
    assert text.splitlines()[0].startswith("FAILED (1 gated change): ")
    assert "leace on gender@smollm2-135m/resid_post.26:last, residual accuracy: regressed: worse by" in text
    assert "edit norm" not in text  # it stayed as it was
    assert comparison_text(compare([make_run()], [make_run()], RULES)).startswith("passed: 4 unchanged")


def test_text_tells_what_keeps_runs_from_being_compared_once_a_cell(make_run: Make) -> None:
    before, after = make_run(), make_run({**make_run().examples, "groups": [0] * 240})
    text = comparison_text(compare([before], [after], RULES))
    assert text.startswith("CANNOT COMPARE")
    assert "gate" not in comparison_text(compare([before], [before])).splitlines()[1:]


def test_markdown_shows_hostile_names_as_they_are(make_run: Make) -> None:
    name = "<script>alert(1)</script>|x"
    before = make_run(method=name)
    after = worse(before, 0.5)
    gone = make_run(method=f"{name}gone")
    text = comparison_markdown(compare([before, gone], [after], RULES))
    assert "<script" not in text
    assert r"&lt;script&gt;alert(1)&lt;/script&gt;\|x" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 3
    assert len({line.replace(r"\|", "").count("|") for line in rows}) == 1


def test_json_has_every_change(make_run: Make) -> None:
    comparison = compare([make_run()], [worse(make_run(), 0.5)], RULES)
    found = json.loads(comparison_json(comparison))
    assert (found["exit_code"], found["rules"]) == (1, ["residual_accuracy:0.02"])
    assert len(found["changes"]) == len(comparison.changes) == 4
    red = [change for change in found["changes"] if change["fails"]]
    assert [change["measure"] for change in red] == ["residual_accuracy"]
    assert red[0]["difference"]["p"] < 0.001
