"""The comment on a pull request: what it shows, how far a bar goes, and that nothing in a name becomes markup."""

from __future__ import annotations

import dataclasses

import pytest

from interpmark.reports import Estimate
from interpmark.reports.comment import MARK, bar, change_line, comment_markdown
from interpmark.reports.gate import Change, Comparison, Rule
from interpmark.reports.paired import Difference

RULES = (Rule.parse("residual_accuracy:0.02"),)


def change(worse: float, method: str = "my-eraser") -> Change:
    found = Difference(worse, worse - 0.01, worse + 0.01, 0.001, 0.01, 0.005, 100, 20)
    before = Estimate.scored("residual_accuracy", (0.5, 0.45, 0.55), 100)
    after = Estimate.scored("residual_accuracy", (0.5 + worse, 0.45 + worse, 0.55 + worse), 100)
    return Change(
        method, "eraser", "gender@s/resid_post.2:last", "method", "residual_accuracy", "regressed",
        "worse by much; p 0.0004", True, (0,), before, after, found, 0.0004, 0.02, 0.03,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("worse", "drawn"),
    [(0.0, "·····│·····"), (0.06, "·····│███··"), (-0.04, "···██│·····"), (0.1, "·····│█████"), (9.0, "·····│████…")],
)
def test_a_bar_has_a_block_for_each_tolerance(worse: float, drawn: str) -> None:
    assert bar(change(worse)) == drawn


def test_a_measure_where_high_is_good_is_worse_when_it_falls() -> None:
    steered = dataclasses.replace(change(-0.06), kind="steerer", measure="steering_effect")
    assert bar(steered) == "·····│███··"


def test_a_row_has_the_numbers_that_prove_it() -> None:
    comment = comment_markdown(Comparison((change(0.06),), RULES), "main", "❌ red")
    assert comment.startswith(f"{MARK}\n### ❌ red\n")
    row = next(line for line in comment.splitlines() if line.startswith("| **regressed**"))
    assert (
        "| 0.50 \\[0.45, 0.55\\] → 0.56 \\[0.51, 0.61\\] | +0.06 \\[0.05, 0.07\\] | `·····│███··` | &lt;0.001 |" in row
    )
    line = "residual accuracy regressed: 0.50 [0.45, 0.55] -> 0.56 [0.51, 0.61], worse by much; p 0.0004"
    assert change_line(change(0.06)) == line


def test_a_hostile_name_stays_text() -> None:
    hostile = "<script>|`x`\n# [a](b)"
    comment = comment_markdown(Comparison((change(0.06, hostile),), RULES), hostile, hostile, [hostile])
    assert "<script>" not in comment
    assert "\n# " not in comment
    row = next(line for line in comment.splitlines() if line.startswith("| **regressed**"))
    assert row.replace("\\|", "").count("|") == 9


def test_a_long_comment_is_cut_below_what_github_takes() -> None:
    comment = comment_markdown(Comparison(tuple(change(0.06, f"m{i}") for i in range(2000)), RULES), "main", "red")
    assert len(comment) < 65_536
    assert "more rows." in comment
