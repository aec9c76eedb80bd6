"""Methods are scored where the unedited subject shows the concept, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from interpmark.fixtures import Behavior, Corpus, FixtureError, Floors, floors, get_concept, get_corpus
from interpmark.fixtures.subjects import Subject, load_subject
from interpmark.methods import AffineEdit
from interpmark.reports.scorecard import Scorecard
from interpmark.suite import RunOptions, health, score_all
from interpmark.suite.cells import SubjectFixture, collect_cells
from interpmark.suite.engine import Engine
from interpmark.suite.grounds import FixtureGround, Grounds
from interpmark.suite.keys import Keys
from interpmark.suite.progress import SilentProgress
from interpmark.suite.scores import Scores
from interpmark.suite.scoring import score_behavior
from interpmark.suite.stage import ConceptStage, CorpusStage, Recorder

SITE = "resid_post.15"


@pytest.fixture
def cards(tiny_llama: Path, weather: Path, tmp_path: Path) -> dict[str, Scorecard]:
    options = RunOptions(
        subject=str(tiny_llama), concepts=(str(weather),), fixtures=("weather@*",), methods=("leace",),
        sites=("resid_pre.0", "resid_post.2"), store=tmp_path / "store", cache=False,
    )  # fmt: skip
    return {card.cell.site: card for card in score_all(options)}


def test_where_the_concept_cannot_be_read_no_measure_is_scored(cards: dict[str, Scorecard]) -> None:
    unread, read = cards["resid_pre.0"], cards["resid_post.2"]
    assert (unread.status, unread.error) == ("not scored", None)
    assert (read.status, read.error) == ("ok", None)
    facts = {"unedited_accuracy", "majority_rate"}
    for estimate in unread.estimates:
        if estimate.measure in facts:
            assert estimate.status == "ok"
        else:
            assert estimate.status == "not scored"
            assert "unedited accuracy 0.50" in estimate.reason
            assert "does not clear 0.55 (majority rate 0.50 + 0.05)" in estimate.reason
    assert {e.measure for e in unread.estimates} == {e.measure for e in read.estimates}


def test_the_tests_of_an_unhealthy_fixture_are_skipped_with_the_reason(
    tiny_llama: Path, weather: Path, suite_run: Callable[..., object]
) -> None:
    done = suite_run(
        "--interp-subject", str(tiny_llama), "--interp-concept", str(weather), "--interp-methods", "leace",
        "--interp-fixtures", "weather@*", "--interp-sites", "resid_pre.0", "-k", "not contract", "-rs",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert " skipped" in done.stdout
    assert " passed" not in done.stdout
    assert "too little to erase" in done.stdout


def test_a_planted_fixture_has_no_floor(tmp_path: Path) -> None:
    """On data without a concept the measures are put to the test: there, an accuracy of chance is the right answer."""
    options = RunOptions(fixtures=("planted-null",), methods=("leace",), store=tmp_path)
    (cell,) = collect_cells(options)
    assert Engine(options, [cell]).scorecard(cell).status == "ok"


def test_a_floor_is_part_of_what_a_result_depends_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = RunOptions(fixtures=("gender@*",), methods=("leace",), store=tmp_path)
    fixture = next(cell.fixture for cell in collect_cells(options))
    before = Keys(options).fixture(fixture)
    monkeypatch.setattr(floors, "FLOORS", {"gender": Floors(log_odds=1.0)})
    assert Keys(options).fixture(fixture) != before


@pytest.mark.parametrize("wrong", [{"accuracy_margin": 0.0}, {"accuracy_margin": 1.0}, {"log_odds": 0.0}])
def test_a_floor_that_anything_clears_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(FixtureError, match="0 is no signal"):
        Floors(**wrong)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return load_subject("smollm2-135m")


def gender_with(behavior: Behavior, subject: Subject) -> ConceptStage:
    recorder = Recorder(subject, None, SilentProgress())
    whole = get_corpus("neutral")
    corpus = CorpusStage(Corpus("few", whole.documents[:2], whole.topics[:2]), [SITE], recorder)
    return ConceptStage(get_concept("gender"), behavior, "last", [SITE], corpus, recorder)


@pytest.mark.model
def test_a_subject_that_does_not_use_the_concept_has_no_behavior_to_change(subject: Subject) -> None:
    used = gender_with(Behavior("he/she", ((" he",), (" she",))), subject)
    assert health.unused(used, SITE) == ""
    assert health.unedited_behavior(used, SITE).low > 2
    swapped = gender_with(Behavior("she/he", ((" she",), (" he",))), subject)
    assert health.unedited_behavior(swapped, SITE).high < -2
    assert "does not clear 0.5" in health.unused(swapped, SITE)
    unrelated = gender_with(Behavior("was/is", ((" was",), (" is",))), subject)
    assert abs(health.unedited_behavior(unrelated, SITE).value) < 0.5
    assert "too little behavior to change" in health.unused(unrelated, SITE)
    unknown = gender_with(Behavior("long/words", ((" antidisestablishmentarianism",), (" she",))), subject)
    assert "it must be one" in health.unused(unknown, SITE)


@pytest.mark.model
def test_of_a_behavior_that_is_too_weak_nothing_is_scored_but_itself(subject: Subject, tmp_path: Path) -> None:
    stage = gender_with(Behavior("was/is", ((" was",), (" is",))), subject)
    options = RunOptions(fixtures=("planted-gaussian",), methods=("identity",), store=tmp_path)
    cells = collect_cells(options)
    ground = Grounds(options, cells, SilentProgress()).of(cells[0].fixture).ground
    scores = Scores()
    score_behavior(scores, AffineEdit.projection(torch.eye(576, 1)), stage, SITE, 0)
    assert scores.estimates["behavior_tv_on_target"].status == "ok"
    health.withhold_behavior(scores, FixtureGround(ground, stage, SITE))
    for name, estimate in scores.estimates.items():
        assert (estimate.status == "ok") == (name == "behavior_unedited")
    assert "too little behavior" in scores.estimates["behavior_tv_on_target"].reason


@pytest.mark.model
@pytest.mark.slow
def test_every_fixture_of_the_default_run_is_healthy(tmp_path: Path) -> None:
    options = RunOptions(methods=("identity",), store=tmp_path)
    cells = collect_cells(options)
    grounds = Grounds(options, cells, SilentProgress())
    ill = {}
    for fixture in {cell.fixture.id: cell.fixture for cell in cells}.values():
        if isinstance(fixture, SubjectFixture):
            at = grounds.of(fixture)
            assert at.stage is not None
            ill[fixture.id] = health.unreadable(at) + health.unused(at.stage, at.site)
    assert len(ill) >= 6
    assert not {name: reason for name, reason in ill.items() if reason}
