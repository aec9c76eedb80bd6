"""The erasers that need activations and labels only: the contract, and a run of the engine on planted data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from interpmark.fixtures.planted import planted_names
from interpmark.methods import MethodSpec, get_method
from interpmark.suite import parametrize_with_checks
from interpmark.suite.cells import Cell, PlantedFixture
from interpmark.suite.check_data import planted_rows
from interpmark.suite.claims import CLAIMS, check_claims
from interpmark.suite.engine import Engine
from interpmark.suite.options import RunOptions

METHODS = (
    "rlace",
    "rlace(rank=2)",
    "quadratic-leace",
    "quadratic-leace(shrinkage=True)",
    "quadratic-leace-pooled",
    "lda-projection",
    "lda-projection(shrinkage=True)",
    "pca-projection",
    "kmeans-projection",
    "sal(kernel=rbf)",
    "sal(kernel=poly)",
    "sal(rank=1, kernel=rbf)",
)


@parametrize_with_checks(METHODS)
def test_contract(method: MethodSpec, check: Callable[[MethodSpec], None]) -> None:
    check(method)


@pytest.mark.parametrize("labels", ["multiclass", "continuous"])
@pytest.mark.parametrize("spec", METHODS)
def test_declared_claims_are_exactly_those_that_hold(spec: str, labels: str) -> None:
    method = get_method(spec)
    if labels not in method.info.supports:
        pytest.skip("not supported")
    rows = planted_rows(labels, n=400, d=32)
    if labels == "continuous" and spec == "rlace(rank=2)":
        pytest.skip("two directions are as many as the labels have, so it guards beyond what it claims")
    edit = method.build().fit(rows.x, rows.z, seed=0)
    assert {result.name for result in check_claims(edit, *rows, CLAIMS) if result.holds} == method.claims


# Two hundred classes, each with a transport map of its own, take a minute.
@pytest.mark.parametrize("fixture", [name for name in planted_names() if name != "planted-many-classes"])
def test_the_engine_scores_them_on_planted_data(fixture: str, tmp_path: Path) -> None:
    """No errors, and every claim holds; what is not supported says so."""
    methods = [get_method(spec) for spec in ("rlace", "quadratic-leace(shrinkage=True)", "kmeans-projection")]
    cells = [Cell(method, PlantedFixture(fixture), 0) for method in methods]
    engine = Engine(RunOptions(store=tmp_path), cells)
    for cell in cells:
        card = engine.scorecard(cell)
        assert card.error is None, card.error
        assert [claim.name for claim in card.claims if not claim.holds] == []
        if fixture == "planted-gaussian":
            assert {claim.name for claim in card.claims} == cell.method.claims
