"""A claim holds for exactly the methods that declare it, and a wrong one is caught with what to do."""

import pytest
import torch
from torch import Tensor

from interpmark.methods import CLAIMS as DESCRIBED
from interpmark.methods import DEFAULT_METHODS, AffineEdit, ConstantEdit, Edit, IdentityEdit, get_method
from interpmark.suite.check_data import Rows, planted_rows
from interpmark.suite.claims import CLAIMS, check_claims

METHODS = (*DEFAULT_METHODS, "leace(affine=False)", "leace(affine=False, method=orth)", "sal(rank=1)")


def fit(spec: str, rows: Rows) -> Edit:
    edit = get_method(spec).build().fit(rows.x, rows.z, seed=0)
    assert isinstance(edit, Edit)
    return edit


def test_every_claim_that_can_be_declared_can_be_checked() -> None:
    assert list(CLAIMS) == list(DESCRIBED)


@pytest.mark.parametrize("labels", ["multiclass", "continuous"])
@pytest.mark.parametrize("spec", METHODS)
def test_declared_claims_are_exactly_those_that_hold(spec: str, labels: str) -> None:
    method = get_method(spec)
    if labels not in method.info.supports:
        pytest.skip("not supported")
    # more columns than `inlp(rank=16)` removes, so that what it leaves is seen
    rows = planted_rows(labels, n=400, d=32)
    holding = {result.name for result in check_claims(fit(spec, rows), *rows, CLAIMS) if result.holds}
    assert holding == method.claims


@pytest.mark.parametrize("spec", METHODS)
def test_claims_survive_float32(spec: str) -> None:
    rows = planted_rows("binary")
    results = check_claims(fit(spec, rows), rows.x.float(), rows.z, get_method(spec).claims)
    assert not [result for result in results if not result.holds]


class Tanh(ConstantEdit):
    tag = "test-tanh"

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        return torch.tanh(x - self.value.to(x)) + self.value.to(x)


def wrong(claim: str, rows: Rows) -> Edit:
    """Return an edit that comes close to keeping the claim and does not."""
    x = rows.x
    best = fit("leace", rows)
    assert isinstance(best, AffineEdit)
    projection = fit("mean-projection", rows)
    assert isinstance(projection, AffineEdit)
    return {
        "guards-linearly": best.scaled(1 - 1e-6),
        "idempotent": projection.scaled(1 + 1e-6),
        "affine": Tanh(x.mean(0)),
        "minimal-edit": projection,
        "mean-preserving": AffineEdit(best.read, best.write, x.mean(0) + 1e-6 * best.read[:, 0]),
        "orthogonal": best,
    }[claim]


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_claim_that_is_nearly_true_is_caught(claim: str) -> None:
    rows = planted_rows("binary")
    result = CLAIMS[claim](wrong(claim, rows), *rows)
    assert not result.holds
    assert result.value > result.tolerance
    assert "allowed in float64" in result.message
    assert len(result.message.partition(";")[2]) > 20, "the message says what to do"


def test_a_random_edit_of_the_least_size_is_not_the_least_guard() -> None:
    rows = planted_rows("binary")
    assert not CLAIMS["minimal-edit"](fit("random-matched", rows), *rows).holds


def test_an_edit_that_sees_labels_is_not_affine() -> None:
    rows = planted_rows("binary")
    oracle = fit("oracle-leace", rows)
    assert not CLAIMS["affine"](oracle, *rows).holds
    assert not CLAIMS["orthogonal"](oracle, *rows).holds
    assert CLAIMS["guards-linearly"](oracle, *rows).holds


def test_guard_value_is_the_share_of_the_gap_that_is_left() -> None:
    rows = planted_rows("binary")
    edit = fit("leace", rows)
    assert isinstance(edit, AffineEdit)
    assert CLAIMS["guards-linearly"](edit.scaled(0.75), *rows).value == pytest.approx(0.25)
    assert CLAIMS["guards-linearly"](IdentityEdit(edit.d), *rows).value == 1.0


def test_nan_keeps_no_claim() -> None:
    class Nan(ConstantEdit):
        tag = "test-nan"

        def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
            return x * float("nan")

    rows = planted_rows("multiclass")
    assert not [result for result in check_claims(Nan(rows.x.mean(0)), *rows, CLAIMS) if result.holds]


def test_rows_that_are_all_equal_break_no_claim() -> None:
    x, z = torch.ones(10, 4, dtype=torch.float64), torch.zeros(10, dtype=torch.int64)
    assert all(result.holds for result in check_claims(IdentityEdit(4), x, z, CLAIMS))


def test_unknown_claim() -> None:
    rows = planted_rows("binary")
    with pytest.raises(ValueError, match="unknown claim 'idempotant'; did you mean 'idempotent'"):
        check_claims(IdentityEdit(12), *rows, ["idempotant"])
