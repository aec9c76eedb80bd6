"""Which fixtures a run is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpmark.fixtures import DEFAULT_CONCEPTS, concept_names, planted_names
from interpmark.methods import load_method_source, registry
from interpmark.suite import RunOptions, UsageError
from interpmark.suite.cells import collect_fixtures, collect_methods


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


def test_a_method_of_a_kind_without_measures_is_refused_when_it_is_asked_for(tmp_path: Path) -> None:
    before = dict(registry.registered())
    path = tmp_path / "reads.py"
    path.write_text(
        "from interpmark.methods import register\n"
        '@register("reads", kind="probe")\n'
        "class Reads:\n"
        "    def fit(self, x, z, *, seed): ...\n"
    )
    load_method_source(path)  # as an installed package does
    assert collect_methods(RunOptions()), "a run that does not ask for it is not concerned"
    with pytest.raises(UsageError, match=r"reads is a probe, and there are no measures for that kind yet: .* eraser"):
        collect_methods(RunOptions(methods=("reads",)))
    registry.restore(before)


def test_two_concepts_of_one_name_are_refused(weather: Path, tiny_llama: Path, tmp_path: Path) -> None:
    (tmp_path / "later").mkdir()
    other = tmp_path / "later" / "weather.jsonl"
    other.write_text(weather.read_text().replace("water", "tea"))
    assert names(concepts=(str(weather), str(weather)), fixtures=("weather",), subject=str(tiny_llama)) == ["weather"]
    with pytest.raises(UsageError, match="2 files give a concept called 'weather': rename"):
        names(concepts=(str(weather), str(other)), fixtures=("weather",), subject=str(tiny_llama))


def test_a_place_that_is_not_in_the_run_is_told_how_to_be(tiny_llama: Path) -> None:
    """`gender@resid_post.3` lacks the subject, and the site is not a default one: the error says what to write."""
    with pytest.raises(UsageError) as caught:
        names(fixtures=("gender@resid_post.3",), subject=str(tiny_llama))
    message = str(caught.value)
    assert "of 'gender' there is here: gender@tiny/resid_post" in message
    assert "--interp-sites resid_post.3" in message and "--site" in message
    assert "sentiment" not in message
    written = message.split("there is here: ")[1].split(",")[0].split(". ")[0]
    assert names(fixtures=(written,), subject=str(tiny_llama)) == ["gender"]
    assert names(fixtures=("gender",), sites=("resid_post.3",), subject=str(tiny_llama)) == ["gender"]


def test_an_unknown_concept_is_told_the_others(tiny_llama: Path) -> None:
    with pytest.raises(UsageError, match=r"'gendre@\*'; did you mean 'gender'\?.* sentiment"):
        names(fixtures=("gendre@*",), subject=str(tiny_llama))
    with pytest.raises(UsageError, match="of 'planted-null' there is here: planted-null"):
        names(fixtures=("planted-null@*",))
