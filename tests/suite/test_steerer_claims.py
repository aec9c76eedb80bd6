"""What steerers claim of their edits at strength 1 is what holds."""

from __future__ import annotations

import pytest

from interpmark.methods import Edit, available, get_method
from interpmark.methods.steerers.directional_ablation import ablation
from interpmark.suite.check_data import planted_rows
from interpmark.suite.claims import check_claims

ASKED = ("affine", "idempotent", "guards-linearly")
FITTED = [info.name for info in available() if info.kind == "steerer" and not info.needs_bench]


@pytest.mark.parametrize("spec", [*FITTED, "swap(mode=translate)", "directional-ablation(sites=one)"])
def test_declared_claims_are_exactly_those_that_hold(spec: str) -> None:
    rows = planted_rows("binary")
    method = get_method(spec)
    # its direction is fitted as the others' are; the bench only says which sites there are
    ablates = method.info.name == "directional-ablation"
    edit = ablation(*rows) if ablates else method.build().fit(rows.x, rows.z, seed=0)
    assert isinstance(edit, Edit)
    assert {result.name for result in check_claims(edit, *rows, ASKED) if result.holds} == method.claims
