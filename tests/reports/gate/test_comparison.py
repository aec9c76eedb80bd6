"""Verdicts on two runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from interpmark.reports import Estimate, Scorecard
from interpmark.reports.gate import Change, Comparison, Rule, compare
from interpmark.reports.gate.verdicts import judge
from interpmark.reports.holm import holm
from interpmark.reports.scorecard import Failure

from .conftest import examples_of, run_of, worse

Make = Callable[..., Scorecard]

ACCURACY = Rule("residual_accuracy", 0.02)


def change_of(comparison: Comparison, measure: str | None = "residual_accuracy", method: str = "leace") -> Change:
    return next(c for c in comparison.changes if (c.measure, c.method) == (measure, method))


def with_behavior(effect: float, seed: int = 0) -> Scorecard:
    """A run whose edit takes away so much of the behavior, up to noise of its own."""
    examples = examples_of()
    g = np.array(examples["behavior_g_before"])
    noise = np.random.default_rng(seed).normal(0, 0.2, len(g))
    return run_of({**examples, "behavior_g_after": (1 - effect) * g + noise})


@pytest.mark.parametrize(
    ("worse", "low", "high", "significant", "verdict"),
    [
        (0.05, 0.03, 0.07, True, "regressed"),
        (0.05, 0.01, 0.09, True, "regressed"),  # beyond the tolerance, and surely not zero
        (0.05, 0.03, 0.07, False, "inconclusive"),
        (0.05, -0.01, 0.11, True, "inconclusive"),  # seeds disagree
        (0.015, 0.012, 0.018, True, "unchanged"),  # real and too small to matter
        (0.02, 0.02, 0.02, True, "unchanged"),  # just the tolerance
        (0.0, -0.05, 0.05, False, "inconclusive"),
        (0.0, 0.0, 0.0, False, "unchanged"),
        (-0.05, -0.07, -0.03, True, "improved"),
        (-0.05, -0.12, 0.02, False, "inconclusive"),
    ],
)
def test_judgement(worse: float, low: float, high: float, significant: bool, verdict: str) -> None:
    assert judge(worse, low, high, 0.02, significant=significant) == verdict


def test_the_tolerance_is_decimal() -> None:
    assert judge(0.52 - 0.50, 0.015, 0.02, 0.02, significant=True) == "unchanged"


def test_holm_is_that_of_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    p = np.random.default_rng(0).random(20)
    assert all(a >= b for a, b in zip(holm(list(p)), stats.false_discovery_control(p), strict=True))


def test_an_unchanged_run_is_unchanged(make_run: Make) -> None:
    found = compare([make_run()], [make_run()], [ACCURACY])
    assert {change.verdict for change in found.changes} == {"unchanged"}
    assert found.exit_code == 0


def test_a_regression_is_red_and_an_improvement_is_not(make_run: Make) -> None:
    before, after = make_run(), worse(make_run(), 0.5)
    red, green = compare([before], [after], [ACCURACY]), compare([after], [before], [ACCURACY])
    assert (red.exit_code, green.exit_code) == (1, 0)
    assert [change.measure for change in red.regressed] == ["residual_accuracy"]
    assert change_of(green).verdict == "improved"
    change = change_of(red)
    assert change.difference is not None
    assert change.difference.value > 0.1
    assert change.p is not None
    assert change.p < 0.001
    assert change.reason.startswith("worse by 0.1")


def test_what_no_rule_names_is_told_and_does_not_gate(make_run: Make) -> None:
    found = compare([make_run()], [worse(make_run(), 0.5)], [Rule("edit_norm", 0.02)])
    assert found.exit_code == 0
    assert (change_of(found).verdict, change_of(found).gated) == ("regressed", False)


def test_a_small_change_of_few_examples_is_inconclusive_and_says_what_would_be_seen(make_run: Make) -> None:
    before = make_run(examples_of(clusters=8))
    found = compare([before], [worse(before, 0.2)], [ACCURACY])
    change = change_of(found)
    assert (change.verdict, found.exit_code) == ("inconclusive", 0)
    assert change.detectable is not None
    assert f"caught 4 times out of 5 is {change.detectable:.3g}" in change.reason


def test_behavior_is_good_near_one(make_run: Make) -> None:
    rules = [Rule("behavior_effect", 0.05)]

    def verdict(before: float, after: float) -> str:
        return change_of(compare([with_behavior(before)], [with_behavior(after, 1)], rules), "behavior_effect").verdict

    assert verdict(0.7, 0.9) == "improved"
    assert verdict(0.9, 0.7) == "regressed"
    assert verdict(1.0, 1.3) == "regressed"
    assert verdict(1.3, 1.0) == "improved"
    assert verdict(0.8, 1.2) in ("unchanged", "inconclusive")


def test_higher_is_better_for_a_steerer(make_run: Make) -> None:
    def steered(effect: float) -> Scorecard:
        rng = np.random.default_rng(0)
        label = np.repeat([0, 1], 40)
        h = np.where(label == 1, 2.0, -2.0) + rng.normal(0, 0.3, 80)
        after = h + np.where(label == 0, 2.0, -2.0) * effect + rng.normal(0, 0.3, 80)
        scores = {"steering_h_before": h, "steering_h_after": after, "steering_class": label, "groups": np.arange(80)}
        estimates = tuple(Estimate.exact(name, effect, 80) for name in ("steering_effect",))
        return replace(make_run(scores, kind="steerer", method="caa"), estimates=estimates)

    rules = [Rule("steering_effect", 0.05)]
    assert compare([steered(1.0)], [steered(0.8)], rules).exit_code == 1
    better = compare([steered(0.8)], [steered(1.0)], rules)
    assert change_of(better, "steering_effect", "caa").verdict == "improved"


def test_a_method_that_is_gone_fails_and_a_new_one_does_not(make_run: Make) -> None:
    one, other = make_run(), make_run(method="inlp")
    gone, new = compare([one, other], [one], [ACCURACY]), compare([one], [one, other], [ACCURACY])
    assert (change_of(gone, None, "inlp").verdict, gone.exit_code) == ("missing", 1)
    assert (change_of(new, None, "inlp").verdict, new.exit_code) == ("new", 0)
    assert compare([one, other], [one]).exit_code == 1


def test_what_is_gone_outside_the_rules_does_not_fail(make_run: Make) -> None:
    one, other = make_run(), make_run(method="inlp", concept="tense")
    assert compare([one, other], [one], [replace(ACCURACY, fixtures="gender/*")]).exit_code == 0


def test_a_cell_that_fails_now_is_a_regression_with_its_message(make_run: Make) -> None:
    broken = make_run(error=Failure("ValueError", "singular matrix\nat line 3"))
    found = compare([make_run()], [broken])
    assert found.exit_code == 1
    assert (change_of(found, None).verdict, change_of(found, None).reason) == (
        "regressed", "it fails now: ValueError: singular matrix",
    )  # fmt: skip
    assert change_of(compare([broken], [make_run()]), None).verdict == "improved"
    assert compare([broken, make_run(method="inlp")], [broken, make_run(method="inlp")]).exit_code == 0


def test_a_measure_that_is_not_scored_any_more_fails_where_it_is_gated(make_run: Make) -> None:
    before = make_run()
    lost = replace(before, estimates=tuple(
        Estimate.not_scored(e.measure, "no answers") if e.measure == "behavior_effect" else e for e in before.estimates
    ))  # fmt: skip
    found = compare([before], [lost], [Rule("behavior_effect", 0.05)])
    assert (change_of(found, "behavior_effect").verdict, found.exit_code) == ("missing", 1)
    assert "no answers" in change_of(found, "behavior_effect").reason
    assert compare([before], [lost], [ACCURACY]).exit_code == 0
    assert change_of(compare([lost], [before], [ACCURACY]), "behavior_effect").verdict == "new"


def test_other_content_is_incomparable_and_says_how_to_run_again(make_run: Make) -> None:
    found = compare([make_run()], [make_run(fixture_hash="f2", finished="2026-02-01T00:00:00")], [ACCURACY])
    assert found.exit_code == 2
    change = change_of(found, None)
    assert change.verdict == "incomparable"
    assert "fixture hash differs (f1 before, f2 after)" in change.reason
    assert "the older one (before): pytest --pyargs interpmark.suite --interp-fixtures 'gender@" in change.reason


def test_another_version_of_a_measure_is_incomparable_and_the_others_are_compared(make_run: Make) -> None:
    versions = {"residual_accuracy": 1, "edit_norm": 1, "behavior_effect": 1, "perplexity_damage": 1}
    before, after = make_run(versions=versions), make_run(versions={**versions, "residual_accuracy": 2})
    found = compare([before], [after], [ACCURACY, Rule("edit_norm", 0.1)])
    assert (change_of(found).verdict, change_of(found, "edit_norm").verdict) == ("incomparable", "unchanged")
    assert found.exit_code == 2
    assert compare([before], [after], [Rule("edit_norm", 0.1)]).exit_code == 0


def test_other_seeds_are_incomparable_and_common_ones_are_compared(make_run: Make) -> None:
    runs = [make_run(seed=seed) for seed in range(3)]
    assert compare(runs[:1], runs[1:2], [ACCURACY]).exit_code == 2
    assert change_of(compare(runs, runs[1:2], [ACCURACY])).seeds == (1,)


@pytest.mark.parametrize("rules", [(), (ACCURACY,), (Rule("fit_seconds", 0.5, relative=True),)])
def test_a_slower_machine_alone_is_never_red(make_run: Make, rules: tuple[Rule, ...]) -> None:
    before = make_run(costs={"fit_seconds": 0.2, "peak_memory_mb": 100.0})
    after = make_run(costs={"fit_seconds": 2.0, "peak_memory_mb": 900.0}, processor="another", cores=2)
    found = compare([before], [after], rules)
    assert found.exit_code == 0
    assert not found.of("regressed", "incomparable", "missing")
    assert "another machine" in change_of(found, "fit_seconds").reason


def test_a_cost_is_gated_by_name_on_one_machine_only(make_run: Make) -> None:
    fast, slow = make_run(costs={"fit_seconds": 0.2}), make_run(costs={"fit_seconds": 2.0})
    assert compare([fast], [slow], [Rule("fit_seconds", 0.5, relative=True)]).exit_code == 1
    assert compare([fast], [slow], [ACCURACY]).exit_code == 0


def test_a_rule_about_nothing_is_not_green(make_run: Make) -> None:
    found = compare([make_run()], [make_run()], [ACCURACY, replace(ACCURACY, fixtures="tense/*")])
    assert found.unmatched == (replace(ACCURACY, fixtures="tense/*"),)
    assert found.exit_code == 2


def test_nothing_to_compare_is_not_green(make_run: Make) -> None:
    assert compare([], [make_run()]).exit_code == 2
    assert compare([], []).exit_code == 2


def test_of_several_results_of_a_cell_the_newest_counts(make_run: Make) -> None:
    old, new = worse(make_run(), 0.9), make_run(finished="2026-03-01T00:00:00+00:00")
    assert compare([make_run()], [old, new], [ACCURACY]).exit_code == 0


def test_holm_makes_many_cells_no_redder_than_one(make_run: Make) -> None:
    """A change with p near 0.01 is red alone, and not among forty cells."""
    rng = np.random.default_rng(0)
    examples = examples_of()
    size = np.array(examples["edit_squared_size"])
    noisy = run_of({**examples, "edit_squared_size": size * rng.normal(1.09, 0.5, len(size)).clip(0)})
    rules = [Rule("edit_norm", 0.0)]
    assert compare([make_run()], [noisy], rules).exit_code == 1
    more = [make_run(method=f"inlp(rank={rank})") for rank in range(1, 40)]
    assert compare([make_run(), *more], [noisy, *more], rules).exit_code == 0
