"""Fixtures without a subject's activations in a run: word vectors, and input embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from interpmark.fixtures import FixtureError
from interpmark.fixtures.vectors.files import read_bundled
from interpmark.suite import RunOptions, UsageError, score
from interpmark.suite.cells import collect_cells, collect_fixtures
from interpmark.suite.keys import Keys

NOWHERE = "/no/such/subject"


def test_word_vectors_need_no_subject() -> None:
    fixtures = collect_fixtures(RunOptions(fixtures=("word-vectors", "planted-wide"), subject=NOWHERE))
    assert [fixture.id for fixture in fixtures] == ["planted-wide", "word-vectors"]


def test_the_default_run_is_without_them() -> None:
    names = {fixture.name for fixture in collect_fixtures(RunOptions())}
    assert not names & {"word-vectors", "static-embeddings"}


def test_they_are_scored_with_transfer_and_without_behavior(tmp_path: Path) -> None:
    cells = {}
    for method in ("identity", "mean-projection"):
        card = score(method, "word-vectors", store=tmp_path, subject=NOWHERE)
        assert card.error is None and card.cell.fixture == "word-vectors"
        cells[method] = {estimate.measure: estimate for estimate in card.estimates}
    before, after = cells["identity"], cells["mean-projection"]
    assert before["residual_accuracy"].value > 0.99
    assert after["residual_accuracy"].value < 0.6
    # Nouns that mean a man or a woman are read off by what was learnt on other words.
    assert before["residual_accuracy_transfer"].value > 0.75
    assert after["behavior_effect"].status == "not scored"


def test_own_vectors_are_a_fixture_of_their_own(tmp_path: Path) -> None:
    words, vectors = read_bundled()
    own = tmp_path / "half.txt"
    lines = (
        f"{word} {' '.join(map(str, row))}" for word, row in zip(words, vectors[:, :50].astype(np.float16), strict=True)
    )
    own.write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = RunOptions(fixtures=("word-vectors",), concepts=(str(own),), methods=("identity",), subject=NOWHERE)
    cells = collect_cells(options)
    assert [cell.fixture.id for cell in cells] == ["word-vectors", "half"]
    keys = Keys(options)
    assert len({keys.cell(cell) for cell in cells}) == 2


def test_a_text_file_that_is_no_vectors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("a text\nanother text\n")
    with pytest.raises(FixtureError, match="format of GloVe"):
        collect_fixtures(RunOptions(concepts=(str(tmp_path / "own.txt"),), subject=NOWHERE))


def test_a_slip_of_the_pen_is_corrected() -> None:
    with pytest.raises(UsageError, match="did you mean 'word-vectors'"):
        collect_fixtures(RunOptions(fixtures=("word-vectors-",), subject=NOWHERE))


@pytest.mark.model
def test_input_embeddings_are_scored_on_the_subject(tmp_path: Path) -> None:
    card = score("mean-projection", "static-embeddings", store=tmp_path)
    assert card.error is None
    assert card.cell.fixture == "static-embeddings@smollm2-135m/embeddings:word"
