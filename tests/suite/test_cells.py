"""Which fixtures a run is made of."""

from __future__ import annotations

import pytest

from interpmark.fixtures import DEFAULT_CONCEPTS, concept_names, planted_names
from interpmark.suite import RunOptions
from interpmark.suite.cells import collect_fixtures


def names(**options: object) -> list[str]:
    fixtures = collect_fixtures(RunOptions(**options))  # type: ignore[arg-type]
    return list(dict.fromkeys(fixture.name for fixture in fixtures))


def test_the_default_run_is_the_planted_and_the_default_concepts() -> None:
    assert names() == [*planted_names(), *DEFAULT_CONCEPTS]
    assert set(DEFAULT_CONCEPTS) < set(concept_names())


def test_a_quick_run_has_one_concept() -> None:
    assert names(quick=True) == [*planted_names(), "gender"]


@pytest.mark.parametrize("glob", ["sentiment@*", "sentiment", "sent*@*/resid_post.20:last"])
def test_other_concepts_are_there_when_asked_for(glob: str) -> None:
    assert names(fixtures=(glob,)) == ["sentiment"]
    assert names(fixtures=(glob,), quick=True) == ["sentiment"]
