"""A histogram counts the examples behind a number, each once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpmark.reports.site.histograms import histograms

FINITE = st.floats(-1e6, 1e6)


@given(st.lists(FINITE, min_size=1, max_size=80), st.lists(FINITE, min_size=1, max_size=80))
def test_every_example_is_counted_once(before: list[float], after: list[float]) -> None:
    found = histograms({"behavior_g_before": before, "behavior_g_after": after})["behavior_effect"]
    assert {name: sum(counts) for name, counts in found.series} == {"unedited": len(before), "edited": len(after)}
    assert list(found.edges) == sorted(found.edges)
    assert all(len(counts) == len(found.edges) - 1 for _, counts in found.series)


def test_accuracy_shows_the_strongest_adversary() -> None:
    examples = {
        "adversary_names": ["weak", "strong"],
        "residual_correct": [[0, 0, 1, 0], [1, 1, 0, 1]],
        "unedited_correct": [[1, 1, 1, 1], [0, 0, 0, 0]],
    }
    found = histograms(examples)["residual_accuracy"]
    assert "strong" in found.title
    assert dict(found.series) == {"unedited": (0, 4), "edited": (1, 3)}
    assert found.labels == ("read wrongly", "read correctly")


def test_damage_is_shown_by_token() -> None:
    found = histograms({"document_damage": [8.0, 0.0], "document_tokens": [4, 4]})["perplexity_damage"]
    assert (found.edges[0], found.edges[-1]) == (0.0, 2.0)


@pytest.mark.parametrize("examples", [{}, {"behavior_tv": []}, {"behavior_tv": None}, {"residual_correct": "x"}])
def test_examples_of_an_unknown_form_give_no_histogram(examples: dict[str, object]) -> None:
    assert histograms(examples) == {}
