"""Ranks say what the paired tests say about the order, and no more."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpmark.reports import MEASURES, Estimate, Failure, Scorecard
from interpmark.reports.contributions import NoContributionsError, contributions
from interpmark.reports.holm import holm
from interpmark.reports.letters import compact_letters
from interpmark.reports.pareto import front
from interpmark.reports.ranking import Ranking, filled, rank, ranked_measures, rankings
from interpmark.reports.swaps import pair_p_values

Make = Callable[..., Scorecard]
CLUSTERS = 60


def losses(mean: float, *, common: int = 0, own: int, spread: float = 0.05) -> np.ndarray:
    """Per-document damage: noise that all methods share, and the method's own."""
    shared = np.random.default_rng(common).normal(0, 1, CLUSTERS)
    return mean + shared + np.random.default_rng(100 + own).normal(0, spread, CLUSTERS)


@pytest.fixture
def damaged(make_card: Make) -> Callable[..., Scorecard]:
    """A scorecard with the perplexity damage of each document."""

    def make(method: str, damage: np.ndarray, **given: object) -> Scorecard:
        value = float(damage.mean())
        examples = {"document_damage": damage * 10, "document_tokens": np.full(len(damage), 10)}
        return make_card(method, scores={"perplexity_damage": value}, examples=examples, **given)

    return make


def places(ranking: Ranking) -> Mapping[str, tuple[int, int]]:
    return {one.method: (one.best, one.worst) for one in ranking.ranks}


def test_shared_noise_does_not_hide_the_order_and_equal_methods_share_their_ranks(damaged: Make) -> None:
    means = {"a": 0.1, "b": 0.1, "c": 0.4, "d": 0.9}
    cards = [damaged(name, losses(mean, own=i)) for i, (name, mean) in enumerate(means.items())]
    ranking = rank(cards, "perplexity_damage")
    assert places(ranking) == {"a": (1, 2), "b": (1, 2), "c": (3, 3), "d": (4, 4)}
    letters = {one.method: one.letters for one in ranking.ranks}
    assert letters == {"a": "a", "b": "a", "c": "b", "d": "c"}
    assert str(ranking.ranks[0]) == "1–2"
    # The estimates' own intervals overlap all over: the spread over documents is 1, the differences are 0.3.
    assert cards[2].estimate("perplexity_damage").value == pytest.approx(0.4, abs=0.3)


def test_noise_of_their_own_hides_the_order(damaged: Make) -> None:
    cards = [damaged(name, losses(0.1 * i, own=i, spread=3)) for i, name in enumerate("abcd")]
    assert set(places(rank(cards, "perplexity_damage")).values()) == {(1, 4)}


def test_twenty_equal_methods_are_told_apart_as_rarely_as_the_level_says(damaged: Make) -> None:
    wrong = 0
    for run in range(60):
        rng = np.random.default_rng(run)
        cards = [damaged(f"m{i}", rng.normal(0, 1, CLUSTERS)) for i in range(8)]
        wrong += any(pair.better for pair in rank(cards, "perplexity_damage", seed=run).pairs)
    # Expected 3 of 60 at most; 9 or more has a probability of 0.003.
    assert wrong < 9


def test_equal_up_to_rounding_is_equal(damaged: Make) -> None:
    damage = losses(0.3, own=1)
    ranking = rank([damaged("a", damage), damaged("b", damage * (1 + 1e-9))], "perplexity_damage")
    assert ranking.pairs[0].p == 1
    assert places(ranking) == {"a": (1, 2), "b": (1, 2)}


def test_controls_oracles_and_failures_have_no_rank_and_a_reason(damaged: Make, make_card: Make) -> None:
    cards = [
        damaged("a", losses(0.1, own=1)),
        damaged("b", losses(0.9, own=2)),
        damaged("identity", losses(0, own=3), role="control"),
        damaged("oracle", losses(0, own=4), role="oracle"),
        make_card("broken", error=Failure("ValueError", "no")),
        make_card("old", scores={"perplexity_damage": 0.1}),
        make_card("none", scores={"perplexity_damage": Estimate.not_scored("perplexity_damage", "no labels")}),
        damaged("other", losses(0.1, own=5)[:40]),
    ]
    ranking = rank(cards, "perplexity_damage")
    assert places(ranking) == {"a": (1, 1), "b": (2, 2)}
    assert ranking.unranked == {
        "identity": "control",
        "oracle": "oracle",
        "broken": "the cell failed: ValueError: no",
        "old": "no scores of single examples are kept for it",
        "none": "no labels",
        "other": "scored on other seeds or examples than most methods",
    }


def test_a_measure_without_a_direction_is_not_ranked(make_card: Make) -> None:
    assert "behavior_flip_rate" not in ranked_measures("eraser")
    assert "fit_seconds" not in ranked_measures("eraser")
    with pytest.raises(ValueError, match="good in no direction"):
        rank([make_card()], "behavior_flip_rate")


def effect(make_card: Make, method: str, value: float, own: int, spread: float) -> Scorecard:
    before = 2 + np.random.default_rng(7).normal(0, 0.3, CLUSTERS)
    after = (1 - value) * before + np.random.default_rng(own).normal(0, spread, CLUSTERS)
    examples = {"behavior_g_before": before, "behavior_g_after": after, "groups": np.arange(CLUSTERS)}
    found = 1 - after.sum() / before.sum()
    return make_card(method, scores={"behavior_effect": found}, examples=examples)


def test_close_to_one_is_good_from_either_side(make_card: Make) -> None:
    cards = [effect(make_card, name, value, i, 0.1) for i, (name, value) in enumerate(
        {"swapped": 1.9, "none": 0.05, "erased": 1.0, "half": 0.5, "over": 1.5}.items())]  # fmt: skip
    ranking = rank(cards, "behavior_effect")
    assert places(ranking) == {"erased": (1, 1), "half": (2, 3), "over": (2, 3), "swapped": (4, 4), "none": (5, 5)}


def test_who_is_nearer_to_one_stays_open_where_one_of_them_lies_on_either_side(make_card: Make) -> None:
    # b is surely larger than a, yet both intervals reach beyond 1: which is nearer cannot be said.
    noise = np.random.default_rng(3).normal(0, 2, CLUSTERS)
    before = np.full(CLUSTERS, 2.0)
    cards = []
    for name, value in {"a": 0.97, "b": 1.05}.items():
        examples = {"behavior_g_before": before, "behavior_g_after": (1 - value) * before + noise - noise.mean(),
                    "groups": np.arange(CLUSTERS)}  # fmt: skip
        cards.append(make_card(name, scores={"behavior_effect": value}, examples=examples))
    assert places(rank(cards, "behavior_effect")) == {"a": (1, 2), "b": (1, 2)}


def test_contributions_add_up_to_the_score_also_where_two_adversaries_tie(make_card: Make) -> None:
    one = np.tile([1, 1, 0, 0], 15)
    correct = np.stack([one, 1 - one, np.zeros(60)])
    groups = np.repeat(np.arange(20), 3)
    card = make_card(scores={"residual_accuracy": 0.5}, examples={"residual_correct": correct, "groups": groups})
    found = contributions([card], "residual_accuracy")
    assert found.value == pytest.approx(0.5)
    assert found.parts.sum() == pytest.approx(0.5)
    assert found.parts.shape == found.weights.shape == (20,)


def test_contributions_of_a_ratio_are_its_shares(damaged: Make) -> None:
    damage = losses(0.3, own=1)
    found = contributions([damaged("a", damage)], "perplexity_damage")
    np.testing.assert_allclose(found.parts, damage / CLUSTERS, rtol=1e-3, atol=1e-6)


def test_seeds_are_averaged_and_must_be_the_same_for_all(damaged: Make) -> None:
    means = {"a": 0.1, "b": 0.9}
    cards = [damaged(name, losses(mean, own=seed), seed=seed) for name, mean in means.items() for seed in (0, 1)]
    one_seed = damaged("c", losses(0.5, own=9))
    ranking = rank([*cards, one_seed], "perplexity_damage")
    assert places(ranking) == {"a": (1, 1), "b": (2, 2)}
    assert "other seeds" in ranking.unranked["c"]
    with pytest.raises(NoContributionsError, match="different examples"):
        contributions([cards[0], damaged("a", losses(0.1, own=1)[:30], seed=1)], "perplexity_damage")


def test_holm_is_the_textbooks() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_few_clusters_are_counted_out() -> None:
    parts = np.stack([np.ones(5), np.zeros(5)])
    assert pair_p_values(parts, np.zeros(5))[0, 1] == pytest.approx(2 / 2**5)


values_and_p = st.integers(2, 7).flatmap(
    lambda m: st.tuples(
        st.lists(st.floats(-2, 2, allow_nan=False).map(lambda x: round(x, 2)), min_size=m, max_size=m),
        st.lists(st.sampled_from([1e-6, 1e-4, 0.004, 0.03, 0.5]), min_size=m * m, max_size=m * m),
        st.permutations(range(m)),
        st.sampled_from(["perplexity_damage", "behavior_effect", "edit_norm"]),
    )
)


@settings(max_examples=200, deadline=None)
@given(values_and_p)
def test_a_better_method_never_ranks_below_and_the_order_of_input_is_of_no_account(
    drawn: tuple[list[float], list[float], list[int], str],
) -> None:
    values, p_list, order, measure = drawn
    m = len(values)
    p_values = np.array(p_list).reshape(m, m)
    p_values = np.triu(p_values, 1) + np.triu(p_values, 1).T + np.eye(m)
    names = [f"m{i}" for i in range(m)]
    blank = Ranking("f", "eraser", measure, MEASURES[measure].direction("eraser"), (), (), {})
    ranking = filled(blank, dict(zip(names, values, strict=True)), p_values)
    for winner, loser in ranking.better():
        first, second = ranking.rank_of(winner), ranking.rank_of(loser)
        assert first is not None and second is not None
        assert first.best < second.best and first.worst < second.worst
        assert not set(first.letters) & set(second.letters)
    for pair in ranking.pairs:
        first, second = ranking.rank_of(pair.first), ranking.rank_of(pair.second)
        assert first is not None and second is not None
        assert (pair.better is None) == bool(set(first.letters) & set(second.letters))
    shuffled = {names[i]: values[i] for i in order}
    again = filled(blank, shuffled, p_values[np.ix_(order, order)])
    assert again.ranks == ranking.ranks
    assert again.better() == ranking.better()


def couples(m: int) -> st.SearchStrategy[tuple[int, set[tuple[int, int]]]]:
    one = st.integers(0, m - 1)
    return st.tuples(st.just(m), st.sets(st.tuples(one, one)))


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 7).flatmap(couples))
def test_two_methods_share_a_letter_when_and_only_when_they_are_not_told_apart(
    drawn: tuple[int, set[tuple[int, int]]],
) -> None:
    m, found = drawn
    names = [f"m{i}" for i in range(m)]
    apart = frozenset(frozenset((names[i], names[j])) for i, j in found if i != j)
    letters = compact_letters(names, apart)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            assert bool(set(letters[one]) & set(letters[other])) == (frozenset((one, other)) not in apart)


def made(measure: str, order: Mapping[str, float], apart: set[tuple[str, str]]) -> Ranking:
    """A ranking in which just these (better, worse) are told apart."""
    names = list(order)
    p_values = np.ones((len(names), len(names)))
    for one, other in apart:
        i, j = names.index(one), names.index(other)
        p_values[i, j] = p_values[j, i] = 1e-9
    blank = Ranking("f", "eraser", measure, "lower", (), (), {"identity": "control"})
    return filled(blank, order, p_values)


def test_the_front_holds_what_nothing_is_better_than_all_round() -> None:
    rankings = {
        "residual_accuracy": made(
            "residual_accuracy", {"a": 0.5, "b": 0.6, "c": 0.9, "d": 0.9}, {("a", "c"), ("b", "c")}
        ),
        "edit_norm": made("edit_norm", {"a": 0.3, "b": 0.1, "c": 0.2, "d": 0.4}, {("b", "a"), ("c", "a")}),
    }
    found = front(rankings)
    assert found is not None
    # b is better than a by edit norm and no worse otherwise; b is better than c; nobody is told apart from d.
    assert found.members == ("b", "d")
    assert found.dominated == {"a": ("b",), "c": ("b",)}
    assert found.unplaced == {"identity": "control"}
    assert found.measures == ("residual_accuracy", "edit_norm")


def test_a_circle_does_not_empty_the_front() -> None:
    names = {"a": 0.1, "b": 0.2, "c": 0.3}
    turned = {"b": 0.1, "c": 0.2, "a": 0.3}
    again = {"c": 0.1, "a": 0.2, "b": 0.3}
    rankings = {
        "residual_accuracy": made("residual_accuracy", names, {("a", "b")}),
        "edit_norm": made("edit_norm", turned, {("b", "c")}),
        "perplexity_damage": made("perplexity_damage", again, {("c", "a")}),
    }
    found = front(rankings)
    assert found is not None and found.members == ("a", "b", "c")


def test_a_front_needs_two_measures_and_two_methods(damaged: Make) -> None:
    cards = [damaged("a", losses(0.1, own=1)), damaged("b", losses(0.9, own=2))]
    assert front(rankings(cards)) is None
    assert front({}) is None


def test_ranks_are_of_one_table(damaged: Make) -> None:
    card = damaged("a", losses(0.1, own=1))
    other = dataclasses.replace(card, key="x", cell=dataclasses.replace(card.cell, concept="tense"))
    with pytest.raises(ValueError, match="one fixture"):
        rank([card, other], "perplexity_damage")


def test_bounds_and_early_ends_agree_with_all_draws() -> None:
    rng = np.random.default_rng(5)
    parts = rng.normal(0, 1, (12, 80)) + np.linspace(0, 1.5, 12)[:, None]
    found = pair_p_values(parts, np.zeros(80))
    signs = rng.choice([-1.0, 1.0], (20_000, 80))
    for i in range(12):
        for j in range(i):
            contrast = parts[i] - parts[j]
            exact = (np.abs(signs @ contrast) >= abs(contrast.sum())).mean()
            # A bound is above the truth, and small all the same; a drawn p has its own noise.
            assert found[i, j] >= exact - 4 * np.sqrt(exact * (1 - exact) / 1000) - 1e-3
            assert found[i, j] <= exact + 4 * np.sqrt(exact * (1 - exact) / 1000) + 1.5e-3
