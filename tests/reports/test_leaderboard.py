import csv
import dataclasses
import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpmark.reports import Estimate, Failure, Scorecard, Scorecards, headlines, write_reports
from interpmark.reports.leaderboard import leaderboard
from interpmark.reports.numbers import estimate_text, interval_text, one_line
from interpmark.reports.rendering import escaped

Make = Callable[..., Scorecard]

DEFAULT = ["leace", "leace(method=orth)", "leace(shrinkage=True)", "sal", "mean-projection", "inlp(rank=16)"]
TYPICAL = {
    "residual_accuracy": (0.603, 0.551, 0.652),
    "edit_norm": (0.0449, 0.0411, 0.0487),
    "behavior_effect": (0.961, 0.904, 1.021),
    "behavior_flip_rate": (0.472, 0.421, 0.524),
    "behavior_tv_on_target": (0.231, 0.214, 0.248),
    "behavior_tv_off_target": (0.0612, 0.0534, 0.0689),
    "perplexity_damage": (0.0312, -0.0041, 0.0651),
    "fit_seconds": (0.213, 0.213, 0.213),
}


@pytest.fixture
def full(make_card: Make) -> list[Scorecard]:
    """The methods of a default run with every headline measure."""
    scores = {name: Estimate.scored(name, numbers, 240) for name, numbers in TYPICAL.items()}
    scores["unedited_accuracy"] = Estimate.scored("unedited_accuracy", (0.96, 0.93, 0.98), 240)
    scores["majority_rate"] = Estimate.exact("majority_rate", 0.5, 240)
    cards = [make_card(method, scores=scores) for method in DEFAULT]
    return [*cards, make_card("identity", scores=scores, role="control")]


def test_reading_order(make_card: Make) -> None:
    cards = [
        make_card("identity", role="control", scores={"residual_accuracy": 0.1}),
        make_card("oracle", role="oracle", scores={"residual_accuracy": 0.0}),
        make_card("broken", error=Failure("ValueError", "no")),
        make_card("worse", scores={"residual_accuracy": 0.9, "edit_norm": 0.1}),
        make_card("large", scores={"residual_accuracy": 0.6, "edit_norm": 0.3}),
        make_card("small", scores={"residual_accuracy": 0.6, "edit_norm": 0.2}),
        make_card("unscored", scores={"edit_norm": 0.2}),
    ]
    (table,) = leaderboard(reversed(cards)).tables
    methods = [row.method for row in table.rows]
    assert methods == ["small", "large", "worse", "unscored", "broken", "identity", "oracle"]


def test_a_row_pools_its_seeds_and_tells_of_failed_ones(make_card: Make) -> None:
    cards = [make_card(seed=seed, scores={"edit_norm": value}) for seed, value in ((0, 0.1), (1, 0.3))]
    cards.append(make_card(seed=2, error=Failure("ValueError", "singular\nmatrix")))
    board = leaderboard(cards)
    row = board.tables[0].rows[0]
    assert row.estimates["edit_norm"].value == pytest.approx(0.2)
    assert row.seeds == (0, 1)
    assert row.failures == ("ValueError: singular",)
    assert "leace: a seed failed: ValueError: singular" in board.to_text()
    assert "mean over seeds 0, 1" in board.to_text()


def test_rows_over_other_seeds_than_most_are_named(make_card: Make) -> None:
    cards = [make_card(name) for name in ("a", "b", "c")] + [make_card("c", seed=1)]
    text = leaderboard(cards).to_text()
    assert text.startswith("gender@smollm2-135m/resid_post.26:last: seed 0\n")
    assert "c: over seeds 0, 1" in text
    assert "a: over" not in text


def test_the_caption_holds_what_describes_the_fixture(full: list[Scorecard]) -> None:
    first = leaderboard(full).to_text().splitlines()[0]
    assert first.startswith("gender@smollm2-135m/resid_post.26:last: ")
    assert "unedited accuracy 0.96 [0.93, 0.98]; majority rate 0.50" in first


@pytest.mark.parametrize("width", [200, 120, 100, 80, 60])
def test_the_table_fits_the_terminal(full: list[Scorecard], width: int) -> None:
    text = leaderboard(full).to_text(width)
    assert max(map(len, text.splitlines())) <= width
    assert "residual" in text
    assert all(method in text for method in DEFAULT)


def test_120_columns_hold_every_headline_measure_and_fewer_are_told(full: list[Scorecard]) -> None:
    assert "no room for" not in leaderboard(full).to_text(120)
    assert "no room for" in leaderboard(full).to_text(70)
    wide = leaderboard(full).to_text(220)
    assert "0.60 [0.55, 0.65]" in wide
    assert "0.045 [0.041, 0.049]" in wide


def test_controls_and_oracles_stand_apart(full: list[Scorecard], make_card: Make) -> None:
    board = leaderboard([*full, make_card("oracle-leace", role="oracle")])
    lines = board.to_text().splitlines()
    sections = [lines.index("-- controls --"), lines.index("-- oracles --")]
    assert lines[sections[0] + 1].startswith("identity")
    assert lines[sections[1] + 1].startswith("oracle-leace")
    assert max(i for i, line in enumerate(lines) if line.startswith("leace")) < sections[0] < sections[1]
    assert "| identity *(control)* |" in board.to_markdown()
    assert "| oracle-leace *(oracle)* |" in board.to_markdown()


def ranked(make_card: Make) -> list[Scorecard]:
    """Two methods with the damage of each document: good does less than bad, and edits more."""
    cards = []
    for method, damage, size in (("good", 0.1, 0.5), ("bad", 0.9, 0.1)):
        noise = [0.01 * (i % 5) for i in range(40)]
        examples = {
            "document_damage": [damage + part for part in noise],
            "document_tokens": [1] * 40,
            "edit_squared_size": [size + part for part in noise],
            "squared_deviation": [1.0] * 40,
            "groups": list(range(40)),
        }
        cards.append(make_card(method, scores={"perplexity_damage": damage, "edit_norm": size}, examples=examples))
    return cards


def test_ranks_stand_beside_values_and_the_front_below(make_card: Make) -> None:
    board = leaderboard(ranked(make_card))
    text = board.to_text(120)
    (good,) = [line for line in text.splitlines() if line.startswith("good")]
    assert good.split() == ["good", "0.50", "[0.45,", "0.55]", "#2", "0.10", "[0.05,", "0.15]", "#1"]
    assert "Pareto front (edit norm, perplexity damage): bad, good" in text
    assert "#2–4: the rank" in text
    assert "| good | 0.50 \\[0.45, 0.55\\] <sup>2</sup> |" in board.to_markdown()
    data = json.loads(board.to_json())
    (damage,) = [ranking for ranking in data["rankings"] if ranking["measure"] == "perplexity_damage"]
    assert [(rank["method"], rank["best"], rank["worst"], rank["letters"]) for rank in damage["ranks"]] == [
        ("good", 1, 1, "a"),
        ("bad", 2, 2, "b"),
    ]
    assert data["fronts"][0]["members"] == ["bad", "good"]


def test_the_order_of_rows_is_no_rank(full: list[Scorecard]) -> None:
    text = leaderboard(full).to_text()
    assert "#" not in text  # these scorecards keep no examples, so nothing can be compared
    assert "is no rank" in " ".join(text.split())


def test_reasons_are_footnotes_and_said_once(make_card: Make) -> None:
    why, other = "the behavior is not present", "too few prompts"
    cards = [
        make_card("a", scores={"edit_norm": 0.2, "behavior_effect": Estimate.not_scored("behavior_effect", why)}),
        make_card("b", scores={"edit_norm": 0.3, "behavior_effect": Estimate.not_scored("behavior_effect", why)}),
        make_card("c", scores={"edit_norm": 0.4, "behavior_effect": Estimate.not_scored("behavior_effect", other)}),
        make_card("d", scores={"edit_norm": 0.5, "behavior_effect": Estimate.failed("behavior_effect", "OSError: x")}),
    ]
    for text in (leaderboard(cards).to_text(200), leaderboard(cards).to_markdown()):
        assert text.count(why) == text.count(other) == text.count("OSError: x") == 1
        assert (text.count("– (a)"), text.count("– (b)"), text.count("error (c)")) == (2, 1, 1)


def test_a_measure_that_no_row_has_is_a_line_and_no_column(make_card: Make) -> None:
    names = ["behavior_effect", "behavior_flip_rate"]
    scores = {name: Estimate.not_scored(name, "no model") for name in names} | {
        "edit_norm": Estimate.exact("edit_norm", 1)
    }
    text = leaderboard([make_card(scores=scores)]).to_text(200)
    assert "not scored: behavior effect, flip rate (no model)" in text
    assert "behavior" not in text.split("----")[0]


def test_a_failed_method_is_a_row_with_its_message(make_card: Make) -> None:
    error = Failure("ValueError", "shapes (3,) and (4,)\nsecond line", traceback="Traceback ...")
    cards = [make_card("good"), make_card("my-method", error=error)]
    text = leaderboard(cards).to_text(120)
    (line,) = [line for line in text.splitlines() if line.startswith("my-method")]
    assert line.endswith("error: ValueError: shapes (3,) and (4,)")
    assert "| my-method | error: ValueError: shapes (3,) and (4,) |" in leaderboard(cards).to_markdown()
    assert "error: ValueError" in leaderboard(cards[1:]).to_text(120)


def test_the_legend_says_which_way_is_good(full: list[Scorecard]) -> None:
    text = " ".join(leaderboard(full).to_text(120).split())
    assert "For an eraser: lower is better (↓) for residual accuracy, edit norm, TV off target" in text
    assert "1 is best (→1) for behavior effect" in text


def test_an_empty_leaderboard_says_so(tmp_path: Path) -> None:
    assert leaderboard([]).to_text() == "No results."
    write_reports([], tmp_path)
    assert "No results." in (tmp_path / "leaderboard.md").read_text(encoding="utf-8")


NASTY = '<script>alert("x")</script> | `code` *b* [l](http://x)\r\n\x1b[31mred & \\'


def test_markdown_and_terminal_are_safe_from_foreign_text(make_card: Make) -> None:
    cards = [
        make_card(NASTY, concept=NASTY, error=Failure(NASTY, NASTY)),
        make_card(
            "b", concept=NASTY, scores={"edit_norm": Estimate.not_scored("edit_norm", NASTY), "fit_seconds": 1.0}
        ),
    ]
    board = leaderboard(cards)
    markdown, text = board.to_markdown(), board.to_text(500)
    assert "\x1b" not in markdown + text
    assert "<script" not in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({line.replace("\\\\", "").replace("\\|", "").count("|") for line in rows}) == 1


class _Tags(HTMLParser):
    found = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found = True


@given(st.text(alphabet=st.characters() | st.sampled_from("<>&|\\`*[]\n\r\x1b\u2028ab"), max_size=30))
def test_escaped_text_is_one_line_one_cell_and_no_html(text: str) -> None:
    safe = escaped(text)
    assert len(safe.splitlines()) <= 1
    assert safe.replace("\\\\", "").count("|") == safe.replace("\\\\", "").count("\\|")
    parser = _Tags()
    parser.feed(safe)
    assert not parser.found
    assert all(char.isprintable() for char in safe)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((0.5321, 0.481, 0.579), "0.53 [0.48, 0.58]"),
        ((0.0449, 0.0411, 0.0487), "0.045 [0.041, 0.049]"),
        ((0.0, 0.0, 0.0), "0"),
        ((0.0, -0.001, 0.002), "0 [-0.001, 0.002]"),
        ((0.03, -0.004, 0.07), "0.03 [-0.00, 0.07]"),
        ((2.1e-16, 1e-16, 3e-16), "2.1e-16 [1.0e-16, 3.0e-16]"),
        ((12.34, 10.0, 15.0), "12.3 [10.0, 15.0]"),
        ((1234.5, 1000.0, 1500.0), "1234 [1000, 1500]"),
        ((3.2e7, 3e7, 4e7), "3.2e+07 [3.0e+07, 4.0e+07]"),
        ((0.2134, 0.2134, 0.2134), "0.213"),
        ((1.0, 0.9403, 1.0), "1.00 [0.94, 1.00]"),
    ],
)
def test_numbers_have_the_decimals_that_their_interval_bears(numbers: tuple[float, float, float], text: str) -> None:
    assert estimate_text(Estimate.scored("edit_norm", numbers, 10)) == text


def test_compact_intervals_drop_zeros() -> None:
    assert interval_text(Estimate.scored("edit_norm", (0.0, -0.013, 0.5), 10), compact=True) == "[-.01,.50]"


def test_one_line_keeps_words() -> None:
    assert one_line(" a\n b\t\x07c ") == "a b \N{REPLACEMENT CHARACTER}c"


def test_reports_are_written_with_one_set_of_results(full: list[Scorecard], make_card: Make, tmp_path: Path) -> None:
    failed = make_card("broken", error=Failure("ValueError", "no", advice="do this"))
    old = make_card("leace", finished="2020-01-01", scores={"edit_norm": 9.0})
    board = write_reports([old, *full, failed], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "leaderboard.json",
        "leaderboard.md",
        "scores.csv",
    ]
    data = json.loads((tmp_path / "out" / "leaderboard.json").read_text())
    assert data["schema"] == 2
    assert data["provenance"]["fixture_hash"] == "f1"
    assert data["failures"][0]["advice"] == "do this"
    assert data["measure_versions"]["edit_norm"] == 1
    assert "1 superseded result" in data["notes"][0]
    with (tmp_path / "out" / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(Scorecards().to_frame().columns)
    assert len(rows) == len(data["records"]) == len(full) * 10 + len(headlines("eraser"))
    assert "9.0" not in {row["value"] for row in rows}
    assert (tmp_path / "out" / "leaderboard.md").read_text(encoding="utf-8") == board.to_markdown()


def test_the_order_of_scorecards_does_not_change_a_byte(full: list[Scorecard]) -> None:
    one, two = leaderboard(full), leaderboard(full[::-1])
    assert one.to_text() == two.to_text()
    assert one.to_markdown() == two.to_markdown()
    assert one.to_json() == two.to_json()
    assert one.to_csv() == two.to_csv()


def test_steerers_have_a_table_of_their_own(make_card: Make) -> None:
    def steerer(method: str, effect: float) -> Scorecard:
        scores = {"steering_effect": effect, "perplexity_damage": 0.08, "edit_norm": 0.4}
        card = make_card(method, scores=scores)
        return dataclasses.replace(card, key=f"{card.key}s", cell=dataclasses.replace(card.cell, kind="steerer"))

    board = leaderboard([make_card("leace"), steerer("random-steering", 0.1), steerer("caa", 1.9), steerer("ace", 1.2)])
    eraser, steerers = board.tables
    assert (eraser.kind, steerers.kind) == ("eraser", "steerer")
    assert [row.method for row in steerers.rows] == ["caa", "ace", "random-steering"]
    markdown = board.to_markdown()
    first, second = markdown.split("\n## ")[1:]
    assert "residual accuracy" in first.splitlines()[4]
    assert "steering effect" not in first.splitlines()[4]
    assert "steerers" in second.splitlines()[0]
    assert "steering effect ↑" in second
    assert "residual accuracy" not in second.split("|")[1:10]
    assert "For a steerer: lower is better" in markdown
    assert "caa" in board.to_text(60)
