"""Rules as they are written on a command line."""

import pytest

from interpmark.reports import CellId
from interpmark.reports.gate import DEFAULT_RULES, Rule, RuleError
from interpmark.reports.gate.rules import rule_for
from interpmark.reports.measures import MEASURES

GENDER = CellId("leace", "eraser", "gender", "smollm2-135m", "resid_post.26", "last", 0)
STEERED = CellId("caa", "steerer", "gender", "smollm2-135m", "resid_post.26", "last", 0)
PLANTED = CellId("leace", "eraser", "planted-gaussian", "planted", "planted", "row", 0)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("residual_accuracy:0.02", Rule("residual_accuracy", 0.02)),
        ("edit_norm:5%", Rule("edit_norm", 0.05, True)),
        ("gender/*:residual_accuracy:1e-3", Rule("residual_accuracy", 0.001, False, "gender/*")),
        (f"{GENDER.fixture}:edit_norm:.5%", Rule("edit_norm", 0.005, True, GENDER.fixture)),
        ("fit_seconds:50%", Rule("fit_seconds", 0.5, True)),
    ],
)
def test_a_rule_is_read_and_written_back(text: str, rule: Rule) -> None:
    assert Rule.parse(text) == rule
    assert Rule.parse(str(rule)) == rule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("residual_acuracy:0.02", "did you mean 'residual_accuracy'"),
        ("gender/*:residual_acc:0.02", "did you mean 'residual_accuracy'"),
        ("residual_accuracy", "is not of the form"),
        ("residual_accuracy:", "is no tolerance"),
        ("residual_accuracy:-0.1", "is no tolerance"),
        ("residual_accuracy:nan", "is no tolerance"),
        (":residual_accuracy:0.02", "is not of the form"),
        ("behavior_flip_rate:0.1", "good in no direction"),
        ("majority_rate:0.1", "good in no direction"),
    ],
)
def test_a_rule_that_cannot_gate_is_refused(text: str, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        Rule.parse(text)


@pytest.mark.parametrize(
    ("glob", "gender", "planted"),
    [
        ("*", True, True),
        ("gender", True, False),
        ("gender/*", True, False),
        ("gender/resid_post.26", True, False),
        ("gender/resid_post.15*", False, False),
        ("gender/smollm2-135m/*", True, False),
        ("gender@*", True, False),
        (GENDER.fixture, True, False),
        ("planted*", False, True),
        ("planted-gaussian/*", False, True),
    ],
)
def test_a_glob_names_fixtures_by_concept_or_in_full(glob: str, gender: bool, planted: bool) -> None:
    rule = Rule("residual_accuracy", 0.02, fixtures=glob)
    assert (rule.covers(GENDER), rule.covers(PLANTED)) == (gender, planted)


def test_a_rule_is_about_the_kinds_whose_measure_is_good_in_a_direction() -> None:
    assert not Rule("residual_accuracy", 0.02).covers(STEERED)
    assert not Rule("edit_norm", 0.02).covers(STEERED)
    assert Rule("perplexity_damage", 0.02).covers(STEERED)


def test_the_last_rule_counts() -> None:
    rules = [Rule("edit_norm", 0.1), Rule("edit_norm", 0.2, fixtures="gender/*"), Rule("perplexity_damage", 0.3)]
    assert rule_for(rules, GENDER, "edit_norm") is rules[1]
    assert rule_for(rules, PLANTED, "edit_norm") is rules[0]
    assert rule_for(rules, GENDER, "residual_accuracy") is None


def test_percent_is_of_the_value_before() -> None:
    assert Rule.parse("edit_norm:5%").tolerance(-0.4) == pytest.approx(0.02)


def test_every_score_with_a_good_direction_has_a_default_and_no_cost_has() -> None:
    directed = {name for name, m in MEASURES.items() if m.group == "score" and m.better and not m.asked}
    assert {rule.measure for rule in DEFAULT_RULES} == directed
