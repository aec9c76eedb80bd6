"""Scoring from Python: one cell for one call, whatever the file is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpmark.reports.store import Store
from interpmark.suite import UsageError, score


def test_one_call_scores_one_cell_at_the_first_of_the_sites(tiny_llama: Path, weather: Path, tmp_path: Path) -> None:
    card = score("mean-projection", str(weather), subject=str(tiny_llama), store=tmp_path / "store")
    assert (card.cell.concept, card.status) == ("weather", "ok")
    assert Store(tmp_path / "store").keys() == (card.key,)


@pytest.mark.parametrize(("file", "concept"), [("wet [or] dry.jsonl", "wet-or-dry"), ("gender.jsonl", "own-gender")])
def test_a_concept_is_found_whatever_its_file_is_called(
    file: str, concept: str, tiny_llama: Path, weather: Path, tmp_path: Path
) -> None:
    path = weather.rename(tmp_path / file)
    card = score("identity", str(path), subject=str(tiny_llama), site="resid_post.1", store=tmp_path / "store")
    assert card.cell.concept == concept


def test_what_does_not_exist_is_said_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'planted-gaussian'"):
        score("leace", "planted-gausian", store=tmp_path / "store")
    assert not (tmp_path / "store").exists()
