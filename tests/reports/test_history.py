"""Saved runs give a trend, broken where the numbers before and after are of different things."""

from collections.abc import Callable
from pathlib import Path

import pytest

from interpmark.reports import Estimate, Failure, Scorecard, Scorecards
from interpmark.reports.baselines import SavedRun, SavedRuns
from interpmark.reports.history import COLUMNS, Point, history, history_frame, read_history

Make = Callable[..., Scorecard]
TIMES = ("2026-01-01T12:00:00+00:00", "2026-01-02T12:00:00+00:00", "2026-01-03T12:00:00+00:00")


def run(number: int, *cards: Scorecard, dirty: bool = False) -> tuple[str, SavedRun]:
    commit = {"id": f"{number:040x}", "dirty": dirty}
    return f"{number:04d}", SavedRun(Scorecards(cards), TIMES[number], commit)


def trend(
    points: tuple[Point, ...], measure: str = "edit_norm"
) -> list[tuple[str, float | None, tuple[str, ...], bool]]:
    return [(one.run, one.value, one.broken_by, one.source_changed) for one in points if one.measure == measure]


def test_runs_come_in_the_order_of_their_times_with_their_commits(make_card: Make) -> None:
    runs = [run(i, make_card(scores={"edit_norm": 0.1 * (i + 1)}), dirty=i == 1) for i in (2, 0, 1)]
    points = history(runs)
    assert [(one.run, one.value, one.dirty) for one in points] == [
        ("0000", pytest.approx(0.1), False),
        ("0001", pytest.approx(0.2), True),
        ("0002", pytest.approx(0.3), False),
    ]
    assert points[2].commit == f"{2:040x}"
    assert history(reversed(runs)) == points


def test_a_trend_is_broken_by_other_content_and_definitions_and_not_by_the_methods_source(make_card: Make) -> None:
    def card(**more: object) -> Scorecard:
        return make_card(scores={"edit_norm": 0.2, "perplexity_damage": 0.1}, **more)

    points = history(
        [
            run(0, card(method_hash="m1")),
            run(1, card(method_hash="m2", versions={"edit_norm": 2, "perplexity_damage": 1})),
            run(2, card(method_hash="m2", fixture_hash="f2", versions={"edit_norm": 2, "perplexity_damage": 1})),
        ]
    )
    assert trend(points) == [
        ("0000", 0.2, (), False),
        ("0001", 0.2, ("measure version",), True),
        ("0002", 0.2, ("fixture hash",), False),
    ]
    assert trend(points, "perplexity_damage")[1] == ("0001", 0.1, (), True)


def test_a_run_without_the_cell_is_passed_over(make_card: Make) -> None:
    points = history([run(0, make_card()), run(1, make_card("inlp")), run(2, make_card(fixture_hash="f2"))])
    leace = [one for one in points if one.method == "leace" and one.measure == "edit_norm"]
    assert [(one.run, one.broken_by) for one in leace] == [("0000", ()), ("0002", ("fixture hash",))]


def test_seeds_are_pooled_and_failures_stay(make_card: Make) -> None:
    cards = [make_card(seed=seed, scores={"edit_norm": value}) for seed, value in ((0, 0.1), (1, 0.3))]
    failed = make_card("broken", error=Failure("ValueError", "no"))
    points = history([run(0, *cards, failed)])
    assert {one.status for one in points if one.method == "broken"} == {"error"}
    assert [one.value for one in points if one.method == "leace"] == [pytest.approx(0.2)]


def test_the_frame_is_tidy(make_card: Make) -> None:
    card = make_card(scores={"edit_norm": 0.2, "behavior_effect": Estimate.not_scored("behavior_effect", "no")})
    frame = history_frame(history([run(0, card), run(1, make_card(fixture_hash="f2", dtype="bfloat16"))]))
    assert tuple(frame.columns) == COLUMNS
    assert frame["value"].dtype == "float64"
    assert frame.loc[frame["measure"] == "behavior_effect", "value"].isna().all()
    broken = frame.loc[(frame["run"] == "0001") & (frame["measure"] == "edit_norm"), "broken_by"]
    assert list(broken) == ["fixture hash, dtype"]
    assert tuple(history_frame([]).columns) == COLUMNS


def test_numbered_runs_of_a_folder_are_read(make_card: Make, tmp_path: Path) -> None:
    saved = SavedRuns(tmp_path)
    for i in (0, 1):
        saved.save_numbered(run(i, make_card(scores={"edit_norm": 0.1 + i}))[1])
    points = read_history(tmp_path)
    assert [(one.run[:5], one.value) for one in points] == [("0001_", 0.1), ("0002_", 1.1)]
    assert read_history(tmp_path / "none") == ()
