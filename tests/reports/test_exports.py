"""Every form of a leaderboard holds what it says, whatever the names are."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from interpmark.reports import Estimate, Failure, Scorecard, Sweep, SweepPoint
from interpmark.reports.exports import EXPORTS
from interpmark.reports.frame import COLUMNS
from interpmark.reports.latex import board_latex, latex_escaped
from interpmark.reports.leaderboard import leaderboard
from interpmark.reports.scorecard import Claim, Sample

Make = Callable[..., Scorecard]
SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schema"
HOSTILE = '\\input{/etc/passwd} & 50% $x$ #1 _a_ ^b ~c <script>alert("x")</script> {[ 中文 \x1b[31m'


@pytest.fixture
def cards(make_card: Make) -> list[Scorecard]:
    noise = np.random.default_rng(0).normal(0, 0.1, 30)

    def damaged(method: str, damage: float, **more: Any) -> Scorecard:
        examples = {"document_damage": damage + noise, "document_tokens": np.ones(30)}
        examples |= {
            "edit_squared_size": 1 + damage + noise**2,
            "squared_deviation": np.ones(30),
            "groups": np.arange(30),
        }
        scores = {
            "perplexity_damage": damage,
            "edit_norm": 1 + damage,
            "behavior_effect": Estimate.not_scored("behavior_effect", HOSTILE),
        }
        return make_card(method, scores=scores, examples=examples, **more)

    return [
        damaged("leace", 0.1),
        damaged(HOSTILE, 0.5),
        damaged("identity", 0.0, role="control"),
        make_card("broken", error=Failure(HOSTILE, HOSTILE)),
    ]


def test_there_is_an_export_of_every_format(cards: list[Scorecard]) -> None:
    board = leaderboard(cards)
    assert {name: bool(export(board)) for name, export in EXPORTS.items()} == dict.fromkeys(
        ("markdown", "latex", "csv", "json", "parquet"), True
    )


def test_parquet_and_csv_hold_the_same_tidy_rows(cards: list[Scorecard]) -> None:
    board = leaderboard(cards)
    parquet, text = EXPORTS["parquet"](board), EXPORTS["csv"](board)
    assert isinstance(parquet, bytes) and isinstance(text, str)
    frame = pandas.read_parquet(io.BytesIO(parquet))
    assert tuple(frame.columns) == COLUMNS
    again = pandas.read_csv(io.StringIO(text))
    assert frame["value"].equals(again["value"])
    assert list(frame["method"]) == list(again["method"])
    assert frame["seed"].dtype == "int64"


def rows(latex: str) -> list[str]:
    inside = re.findall(r"\\toprule\n(.*?)\\bottomrule", latex, flags=re.DOTALL)
    return [line for table in inside for line in table.splitlines() if line.endswith(r"\\")]


def columns(row: str) -> int:
    """How many columns a row fills."""
    cells = re.split(r"(?<!\\)&", row)
    spans = [re.match(r"\s*\\multicolumn\{(\d+)\}", cell) for cell in cells]
    return sum(int(span[1]) if span else 1 for span in spans)


def assert_sound(latex: str) -> None:
    """Braces and environments are closed, and no special character stands by itself."""
    bare = re.sub(r"\\[\\{}$&#%_]", "", latex)
    assert bare.count("{") == bare.count("}")
    for name in ("table", "tabular"):
        assert bare.count(f"\\begin{{{name}}}") == bare.count(f"\\end{{{name}}}")
    text = "\n".join(line for line in bare.splitlines() if not line.startswith("%"))
    assert bare.count("$") % 2 == 0
    assert not re.search(r"[#%_^~]", re.sub(r"\$[^$]*\$", "", text))


def test_latex_is_sound_with_hostile_names(cards: list[Scorecard]) -> None:
    latex = board_latex(leaderboard(cards))
    assert_sound(latex)
    assert len({columns(row) for row in rows(latex)}) == 1
    assert "\\input" not in latex
    assert "\x1b" not in latex
    assert "U+4E2D" in latex
    assert "\\textsuperscript{1}" in latex
    assert "\\emph{controls}" in latex


def test_latex_holds_every_value_and_interval(make_card: Make) -> None:
    latex = board_latex(leaderboard([make_card(scores={"edit_norm": 0.2, "perplexity_damage": -0.5})]))
    assert "leace & 0.20 & $-$0.50 \\\\" in latex
    assert "{\\scriptsize {[}.15,.25{]}} & {\\scriptsize {[}$-$.55,$-$.45{]}} \\\\" in latex
    assert "edit norm $\\downarrow$" in latex


@given(st.text(alphabet=st.characters() | st.sampled_from("\\{}$&#%_^~[]\n–²a"), max_size=30))
def test_escaped_text_is_sound(text: str) -> None:
    safe = latex_escaped(text)
    assert len(safe.splitlines()) <= 1
    assert_sound(safe)
    assert "&" not in safe.replace("\\&", "")


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_published_schema_describes_the_json(cards: list[Scorecard], make_card: Make) -> None:
    check = validator("leaderboard")
    board = json.loads(leaderboard(cards).to_json())
    check.validate(board)
    assert board["rankings"] and board["fronts"]
    check.validate(json.loads(leaderboard([]).to_json()))
    board["records"][0]["value"] = None
    with pytest.raises(ValidationError):
        check.validate(board)
    del board["records"], board["rankings"]
    with pytest.raises(ValidationError):
        check.validate(board)


def test_summaries_are_described_too(make_card: Make, cards: list[Scorecard]) -> None:
    tense = [
        make_card(card.cell.method, concept="tense", scores={"perplexity_damage": 0.2}, examples=card.examples)
        for card in cards[:2]
    ]
    board = json.loads(leaderboard([*cards[:2], *tense]).to_json())
    assert board["summaries"]
    validator("leaderboard").validate(board)


def test_the_published_schema_describes_scorecards(cards: list[Scorecard]) -> None:
    import dataclasses

    def point(strength: float) -> SweepPoint:
        return SweepPoint(strength, *(Estimate.exact("steering_effect", 1.0) for _ in range(3)))

    rich = dataclasses.replace(
        cards[0],
        claims=(Claim("affine", True, None, 1e-6),),
        samples=(Sample("a", "b", "c"),),
        sweep=Sweep((point(0.0), point(1.0)), 1.0),
    )
    check = validator("scorecard")
    for card in [*cards, rich]:
        check.validate(json.loads(card.to_json()))
    broken = json.loads(rich.to_json())
    broken["estimates"][0]["status"] = "fine"
    with pytest.raises(ValidationError):
        check.validate(broken)
