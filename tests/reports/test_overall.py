"""Ranks over fixtures: places on concepts, and what few of them can say."""

import numpy as np
import pytest

from interpmark.reports.overall import overall
from interpmark.reports.ranking import Ranking, filled


def ranking(fixture: str, values: dict[str, float], *, apart: bool = True, measure: str = "edit_norm") -> Ranking:
    """A ranking in which all methods are told apart, or none."""
    p_values = np.full((len(values), len(values)), 1e-9 if apart else 1.0)
    return filled(Ranking(fixture, "eraser", measure, "lower", (), (), {"identity": "control"}), values, p_values)


def on(concept: str, block: int = 1) -> str:
    return f"{concept}@tiny/resid_post.{block}:last"


def test_what_holds_on_twelve_concepts_is_told_and_a_site_more_is_no_more_evidence() -> None:
    values = {"a": 0.1, "b": 0.2, "c": 0.3}
    once = [ranking(on(f"c{i}"), values) for i in range(12)]
    (summary,) = overall(once)
    assert [(rank.method, str(rank), rank.value) for rank in summary.ranks] == [
        ("a", "1", 1),
        ("b", "2", 2),
        ("c", "3", 3),
    ]
    assert summary.fixture == ""
    assert summary.note == "mean places over 12 concepts on subjects (12 fixtures)"
    twice = [ranking(on(f"c{i}", block), values) for i in range(2) for block in range(6)]
    (few,) = overall(twice)
    assert {str(rank) for rank in few.ranks} == {"1–3"}
    assert "over 2 concepts on subjects (12 fixtures)" in few.note


def test_too_few_concepts_say_how_many_are_needed() -> None:
    (summary,) = overall([ranking(on(f"c{i}"), {"a": 0.1, "b": 0.2, "c": 0.3}) for i in range(3)])
    assert {str(rank) for rank in summary.ranks} == {"1–3"}
    # 3 pairs ask for 0.05 / 3; 2 / 2^7 = 0.0156 is the first below.
    assert "3 concepts can give no p below 0.25" in summary.note
    assert summary.note.endswith("with fewer than 7")
    assert overall([ranking(on("c1"), {"a": 0.1, "b": 0.2})]) == ()


def test_seven_concepts_suffice_for_three_methods() -> None:
    (summary,) = overall([ranking(on(f"c{i}"), {"a": 0.1, "b": 0.2, "c": 0.3}) for i in range(7)])
    assert [str(rank) for rank in summary.ranks] == ["1", "2", "3"]
    assert "fewer" not in summary.note


def test_what_no_fixture_tells_apart_counts_for_nothing_here() -> None:
    (summary,) = overall([ranking(on(f"c{i}"), {"a": 0.1, "b": 0.2}, apart=False) for i in range(20)])
    assert {str(rank) for rank in summary.ranks} == {"1–2"}
    assert {rank.value for rank in summary.ranks} == {1.5}


def test_planted_fixtures_are_left_out_and_methods_without_a_rank_somewhere_are_named() -> None:
    rankings = [ranking(on("c1"), {"a": 0.1, "b": 0.2, "late": 0.1}), ranking(on("c2"), {"a": 0.1, "b": 0.2})]
    (summary,) = overall([*rankings, ranking("planted-wide", {"z": 0.1, "y": 0.2})])
    assert {rank.method for rank in summary.ranks} == {"a", "b"}
    assert summary.unranked == {"identity": "control", "late": "it has no rank on 1 of 2 fixtures"}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_the_order_of_fixtures_is_of_no_account(order: tuple[int, ...]) -> None:
    rankings = [
        ranking(on(f"c{i}"), dict(zip("abc", np.roll([0.1, 0.2, 0.3], i).tolist(), strict=True)), measure=measure)
        for i in range(3)
        for measure in ("edit_norm", "perplexity_damage")
    ]
    shuffled = [rankings[2 * i + j] for i in order for j in range(2)]
    assert overall(shuffled) == overall(rankings)
