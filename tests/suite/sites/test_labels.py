"""Every method on classes and on real labels: it is scored and its claims hold, or it is left out and told why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from interpmark.fixtures import Behavior, Concept
from interpmark.fixtures.subjects import Subject
from interpmark.methods import available, get_method
from interpmark.suite.engine import score_fitted
from interpmark.suite.fitting import Fitter
from interpmark.suite.progress import SilentProgress
from interpmark.suite.scoring import why_not
from interpmark.suite.stage import ConceptStage, Recorder

Ready = Callable[..., Any]
ERASERS = [info.name for info in available() if info.kind == "eraser"]
STEERERS = [info.name for info in available() if info.kind == "steerer"]
MEANS_OF_CLASSES = {"mean-projection", "median-projection", "quadratic-leace", "quadratic-leace-pooled"}
"""They are made of class means or covariances, and real labels have none."""
ANSWERS = {"cde", "logit-gradient-projection"}
"""They are made of the answers to each class, and real labels have none."""


@pytest.fixture(scope="module")
def thirds(tiny: Subject, preferences: ConceptStage) -> ConceptStage:
    """Three classes, with an answer each."""
    behavior = Behavior("three", ((" he",), (" she",), (" it",)))
    return on(tiny, preferences, labelled(preferences, np.arange(200) % 3, ("a", "b", "c")), behavior)


@pytest.fixture(scope="module")
def sizes(tiny: Subject, preferences: ConceptStage) -> ConceptStage:
    """Two real labels of very different units."""
    values = np.random.default_rng(0).standard_normal((200, 2)) * [0.01, 30.0]
    return on(tiny, preferences, labelled(preferences, values, ()), None)


def labelled(stage: ConceptStage, of_noun: np.ndarray, classes: tuple[str, ...]) -> Concept:
    own = stage.concept
    labels = of_noun[[int(noun[1:]) for noun in own.groups]]
    return Concept("own", own.texts, labels, classes, own.groups, own.templates, own.splits)


def on(subject: Subject, stage: ConceptStage, concept: Concept, behavior: Behavior | None) -> ConceptStage:
    recorder = Recorder(subject, None, SilentProgress())
    return ConceptStage(concept, behavior, "last", ["resid_post.2"], stage.corpus, recorder)


@pytest.mark.parametrize("name", ERASERS)
@pytest.mark.parametrize("labels", ["thirds", "sizes"])
def test_an_eraser_takes_whatever_labels_its_formula_does(
    name: str, labels: str, ready: Ready, request: pytest.FixtureRequest
) -> None:
    at, bench = ready(request.getfixturevalue(labels))
    method = get_method("cde(steps=3, restarts=1)" if name == "cde" else name)
    reason = why_not(method, at)
    if labels == "sizes" and name in MEANS_OF_CLASSES:
        assert reason == f"{name} takes binary or multiclass labels; these are continuous"
    elif labels == "sizes" and name in ANSWERS:
        assert "fitted on the subject's answers, but the concept own has no behavior" in reason
    else:
        assert reason == ""
        scores = score_fitted(method, Fitter(60).fit(method, at.ground, 0, bench), at, 0)
        assert scores.estimates["residual_accuracy"].status == "ok"
        assert {claim.name for claim in scores.claims if claim.holds} == method.claims


@pytest.mark.parametrize("labels", ["thirds", "sizes"])
def test_steerers_go_from_one_class_to_another(labels: str, ready: Ready, request: pytest.FixtureRequest) -> None:
    at, _ = ready(request.getfixturevalue(labels))
    reasons = {name: why_not(get_method(name), at) for name in STEERERS}
    kind = {"thirds": "multiclass", "sizes": "continuous"}[labels]
    lacking = {"prompting": "and the concept own has none"}
    if labels == "sizes":
        lacking["logit-gradient-steering"] = "but the concept own has no behavior"
    for name, reason in reasons.items():
        assert lacking.get(name, f"{name} takes binary labels; these are {kind}") in reason
