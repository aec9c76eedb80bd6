"""Scorecards to test with."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from interpmark.reports import SCHEMA, CellId, Estimate, Failure, Role, Scorecard


def card_of(
    method: str = "leace",
    *,
    concept: str = "gender",
    subject: str = "smollm2-135m",
    seed: int = 0,
    scores: Mapping[str, float | Estimate] | None = None,
    error: Failure | None = None,
    role: Role = "method",
    finished: str = "2026-01-01T12:00:00+00:00",
    examples: Mapping[str, Any] | None = None,
    versions: Mapping[str, int] | None = None,
    **provenance: Any,
) -> Scorecard:
    """A scorecard whose scores have intervals of ±0.05; its key depends on all that is given."""
    cell = CellId(method, "eraser", concept, subject, "resid_post.26", "last", seed)
    given = {"residual_accuracy": 0.6, "edit_norm": 0.2} if scores is None and error is None else scores or {}
    estimates = [
        score if isinstance(score, Estimate) else Estimate.scored(name, (score, score - 0.05, score + 0.05), 240)
        for name, score in given.items()
    ]
    own = {"finished": finished, "fixture_hash": "f1", **provenance}
    key = hashlib.sha256(repr((cell, given, error, own, versions)).encode()).hexdigest()
    return Scorecard(
        schema=SCHEMA,
        key=key,
        cell=cell,
        estimates=tuple(estimates),
        examples=examples or {},
        provenance=own,
        error=error,
        role=role,
        measure_versions=versions,
    )


@pytest.fixture
def make_card() -> Callable[..., Scorecard]:
    return card_of
