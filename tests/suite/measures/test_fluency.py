"""Fluency, computed by hand."""

from __future__ import annotations

import math

import pytest

from interpmark.suite.measures.fluency import Text, distinct, generated_text, perplexity, repetition


def test_perplexity_is_the_geometric_mean_of_the_inverse_probabilities() -> None:
    # Probabilities 1/2, 1/8 and 1/4: the geometric mean of 2, 8 and 4 is 4.
    assert perplexity([math.log(2) + math.log(8), math.log(4)], [2, 1]) == pytest.approx(4)


def test_perplexity_weighs_tokens_and_not_completions() -> None:
    # Three tokens at 2 and one at 32: (2 * 2 * 2 * 32) ** (1 / 4) = 4, and not the mean of 2 and 32.
    assert perplexity([3 * math.log(2), math.log(32)], [3, 1]) == pytest.approx(4)


def test_distinct_counts_over_all_completions() -> None:
    # Bigrams: 12 23, and 12 24: of four, three are distinct.
    assert distinct([[1, 2, 3], [1, 2, 4]]) == 0.75
    assert distinct([[1, 2, 3], [1, 2, 4]], n=1) == pytest.approx(4 / 6)
    assert distinct([[7, 7, 7, 7, 7]]) == 0.25


def test_repetition_counts_within_each_completion() -> None:
    # Bigrams 12 21 12: one of three occurred before. The second completion repeats nothing; nor does it repeat the
    # first one's, which is another text.
    assert repetition([[1, 2, 1, 2]], n=2) == pytest.approx(1 / 3)
    assert repetition([[1, 2, 1, 2], [1, 2, 3]], n=2) == pytest.approx(1 / 6)
    assert repetition([[5] * 9]) == pytest.approx(5 / 6)


def test_what_has_no_n_gram_has_no_value() -> None:
    assert perplexity([0.0], [0]) is None
    assert distinct([[1], []]) is None
    assert repetition([[1, 2, 3]]) is None
    assert repetition([[1, 2, 3], [1, 2, 3, 4]]) == 0


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="1 likelihoods for 2"):
        perplexity([1.0], [1, 2])
    with pytest.raises(ValueError, match="NaN"):
        perplexity([math.nan], [1])
    with pytest.raises(ValueError, match="n is 0"):
        distinct([[1, 2]], n=0)


def test_generated_text_by_hand() -> None:
    before = [Text((1, 2, 3, 4), 8.0), Text((5, 6), 2.0)]
    after = [Text((1, 2, 1, 2, 1, 2), 6.0), Text((), 0.0), Text((7, 8), 6.0)]
    found = {one.measure: one for one in generated_text(before, after)[0]}
    assert found["generated_perplexity_unedited"].value == pytest.approx(math.exp(10 / 6))
    assert found["generated_perplexity"].value == pytest.approx(math.exp(12 / 8))
    assert found["generated_perplexity"].low < found["generated_perplexity"].value
    assert found["generated_perplexity"].n == 2  # the empty one says nothing
    assert found["generated_distinct_2"].value == pytest.approx(3 / 6)
    assert found["generated_repetition_4"].status == "not scored"  # a single text is long enough: no interval
    nothing = {one.measure: one for one in generated_text([Text((), 0.0)], [Text((), 0.0)])[0]}
    assert {one.status for one in nothing.values()} == {"not scored"}
