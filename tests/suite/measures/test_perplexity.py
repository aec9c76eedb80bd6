"""Perplexity damage, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from interpmark.suite.measures import perplexity_damage


def test_damage_is_per_token_and_paired() -> None:
    estimates, examples = perplexity_damage([30.0, 8.0, 100.0], [33.0, 8.5, 104.0], [10, 4, 36])
    found = estimates[0]
    assert found.measure == "perplexity_damage"
    assert found.value == pytest.approx(7.5 / 50)
    assert (found.n, found.unit) == (50, "nats/token")
    assert examples["document_damage"] == pytest.approx([3.0, 0.5, 4.0])
    assert examples["document_tokens"] == [10, 4, 36]
    assert examples["baseline_nll"] == pytest.approx([138 / 50])


def test_pairing_removes_the_spread_between_documents() -> None:
    rng = np.random.default_rng(0)
    tokens = rng.integers(50, 150, size=40)
    before = tokens * rng.normal(3, 1, size=40)  # documents differ by a nat per token
    found = perplexity_damage(before, before + 0.1 * tokens + rng.normal(0, 0.1, size=40), tokens)[0][0]
    assert found.low <= 0.1 <= found.high
    assert found.high - found.low < 0.01


def test_no_edit_no_damage() -> None:
    found = perplexity_damage([30.0, 8.0], [30.0, 8.0], [10, 4])[0][0]
    assert (found.low, found.value, found.high) == (0, 0, 0)


def test_a_single_document_is_not_scored() -> None:
    found = perplexity_damage([30.0], [31.0], [10])[0][0]
    assert found.status == "not scored"
    assert "one group" in found.reason


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_bad_input_is_an_error(bad: float) -> None:
    with pytest.raises(ValueError, match="NaN or infinite"):
        perplexity_damage([30.0, 8.0], [30.0, bad], [10, 4])
    with pytest.raises(ValueError, match="without tokens"):
        perplexity_damage([30.0, 8.0], [30.0, 8.0], [10, 0])
    with pytest.raises(ValueError, match="expected three"):
        perplexity_damage([30.0, 8.0], [30.0], [10, 4])
