"""Texts of a chat concept reach the subject in its chat template; where there is none, nothing is scored."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from interpmark.fixtures import Behavior, Floors, floors, get_behavior, get_concept, get_corpus
from interpmark.fixtures.subjects import Subject, load_subject
from interpmark.suite import health
from interpmark.suite.grounds import FixtureGround
from interpmark.suite.progress import SilentProgress
from interpmark.suite.stage import ConceptStage, CorpusStage, Recorder, in_chat

SITE = "resid_post.2"
TEMPLATE = "{% for m in messages %}the {{ m['content'] }} in {% endfor %}{% if add_generation_prompt %}town{% endif %}"


@pytest.fixture
def talking(tiny: Subject) -> Subject:
    tokenizer: Any = copy(tiny.tokenizer)
    tokenizer.chat_template = TEMPLATE
    return replace(tiny, tokenizer=tokenizer)


def test_each_text_stands_in_the_template_with_its_span(talking: Subject, stage: ConceptStage) -> None:
    spoken = replace(stage.concept, chat=True, spans=tuple((5, 8) for _ in stage.concept.texts))
    found = in_chat(spoken, talking)
    assert found.texts[0] == f"the {spoken.texts[0]} in town"
    assert found.spans is not None
    assert found.texts[0][slice(*found.spans[0])] == spoken.texts[0][5:8]
    assert in_chat(stage.concept, talking) is stage.concept


def test_a_stage_reads_the_template(
    talking: Subject, stage_of: Callable[..., ConceptStage], stage: ConceptStage
) -> None:
    spoken = replace(stage.concept, chat=True)
    ran = stage_of(talking, concept=spoken)
    typed = stage_of(talking, concept=replace(spoken, chat=False, texts=in_chat(spoken, talking).texts))
    assert (ran.reference == typed.reference).all()
    assert (ran.reference != stage.reference).any()


def test_without_a_template_nothing_is_scored(
    tiny: Subject, stage_of: Callable[..., ConceptStage], stage: ConceptStage, ready: Callable[..., Any]
) -> None:
    at, _ = ready(stage_of(tiny, concept=replace(stage.concept, chat=True)), SITE)
    assert "has no chat template" in health.unreadable(at)


def test_a_concept_that_is_a_behavior_needs_it_in_each_class(
    preferences: ConceptStage, ready: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The subject prefers one answer after all the prompts, and after one class's more than after the other's."""
    at, _ = ready(preferences, SITE)
    assert health.weak_class(preferences, SITE) == "", "its floors do not ask for it"
    monkeypatch.setattr(floors, "FLOORS", MappingProxyType({preferences.concept.name: Floors(each_class=1e-3)}))
    assert "mean g of even prompts" in health.weak_class(preferences, SITE)
    assert "does not do what the concept is about" in health.unreadable(at)
    compared = copy(preferences)
    compared.centred = True
    assert health.weak_class(compared, SITE) == ""


@pytest.mark.slow
@pytest.mark.model
def test_the_default_subject_does_not_refuse() -> None:
    """Its fixture is not scored there, whatever the accuracy."""
    site = "resid_post.18"
    recorder = Recorder(load_subject("smollm2-135m"), None, SilentProgress())
    concept, behavior = get_concept("refusal"), get_behavior("refusal")
    assert isinstance(behavior, Behavior)
    stage = ConceptStage(
        concept, behavior, "last", [site], CorpusStage(get_corpus("neutral"), [site], recorder), recorder
    )
    assert stage.answers is not None, stage.no_behavior
    assert stage.concept.texts[0].count("assistant") >= 1
    at = FixtureGround(stage.ground(site), stage, site)
    assert "harmful prompts" in health.unreadable(at)
