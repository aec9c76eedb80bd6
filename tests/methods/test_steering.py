"""Edits with a strength: what each strength does, bit for bit and in formulas, and files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from interpmark.fixtures.subjects import scope as fixture_scopes
from interpmark.methods import (
    SCOPES,
    AddedVector,
    AffineEdit,
    EditError,
    MirroredCoordinates,
    PartialEdit,
    PlacedVectors,
    SetCoordinate,
    SidedVector,
    Steering,
    load_edit,
    save_edit,
)

D = 8


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


X = 3.0 + normal(40, D)
BASIS = torch.linalg.qr(normal(D, 2, seed=1)).Q
STEERINGS: dict[str, Steering] = {
    "added": AddedVector(normal(D), scope="last"),
    "placed": PlacedVectors(normal(3, D)),
    "set": SetCoordinate(normal(D), normal(D, seed=2)),
    "partial": PartialEdit(AffineEdit.projection(normal(D), center=normal(D, seed=2))),
    "sided": SidedVector(normal(D), normal(D, seed=2), 3.0 + normal(D, seed=3)),
    "mirrored": MirroredCoordinates(BASIS, normal(D, seed=2)),
}
LINEAR = ["added", "placed", "set", "partial", "sided", "mirrored"]
STILL_AT_ZERO = ["added", "placed", "partial", "sided"]


def apply(edit: Steering, x: Tensor) -> Tensor:
    """Every activation at the second place of its text."""
    return edit.at_places(x, torch.ones(x.shape[:-1], dtype=torch.int64))


@pytest.mark.parametrize("name", LINEAR)
def test_the_edit_is_linear_in_its_strength(name: str) -> None:
    """x'(s) runs along a line: the middle of two strengths gives the middle of two edits."""
    edit = STEERINGS[name]
    at = [apply(edit.at(s), X) for s in (-2.0, 0.5, 3.0)]
    torch.testing.assert_close(at[1], (at[0] + at[2]) / 2)
    assert (at[0] - at[2]).abs().max() > 0.1


def test_strengths_are_coefficients_of_the_vector() -> None:
    v = normal(D)
    torch.testing.assert_close(AddedVector(20 * v)(X), AddedVector(v, strength=20.0)(X))
    torch.testing.assert_close(AddedVector(v).at(-20.0)(AddedVector(v).at(20.0)(X)), X)
    assert torch.equal(AddedVector(v - v)(X), X)


@pytest.mark.parametrize("name", STILL_AT_ZERO)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_strength_zero_is_the_input_to_the_bit(name: str, dtype: torch.dtype) -> None:
    still = STEERINGS[name].at(0.0)
    x = X.to(dtype) * 1e3
    assert still.is_still
    assert still.rank == 0
    assert torch.equal(apply(still, x), x)
    assert not STEERINGS[name].is_still


@pytest.mark.parametrize("name", ["set", "mirrored"])
def test_edits_that_replace_a_coordinate_are_never_still(name: str) -> None:
    zero = STEERINGS[name].at(0.0)
    assert not zero.is_still
    assert (zero(X) - X).abs().max() > 0.1


def test_a_coordinate_is_set_whatever_it_was() -> None:
    r, origin = normal(D), normal(D, seed=2)
    for strength in (-1.0, 0.0, 1.0, 2.5):
        edited = SetCoordinate(r, origin, strength=strength)(X)
        along = edited @ (r / r.norm())
        torch.testing.assert_close(along, (origin @ r / r.norm() + strength * r.norm()).expand(len(X)))
        across = (edited - X) - ((edited - X) @ r)[:, None] * r / r.square().sum()
        torch.testing.assert_close(across, torch.zeros_like(X))


def test_only_places_that_have_a_vector_are_edited() -> None:
    vectors = normal(3, D)
    place = torch.tensor([[-1, 0, 1, 2, 3], [-1, 0, -1, -1, -1]])
    x = normal(2, 5, D, seed=4)
    moved = PlacedVectors(vectors, strength=2.0).at_places(x, place) - x
    torch.testing.assert_close(moved[0, 1:4], 2 * vectors)
    assert not moved[0, [0, 4]].any()
    assert not moved[1, [0, 2, 3, 4]].any()
    assert torch.equal(PlacedVectors(vectors)(x), x)


def test_the_sides_are_the_labels_where_labels_are_given() -> None:
    edit = SidedVector(normal(D), normal(D, seed=2), 3.0 + normal(D, seed=3))
    z = torch.arange(len(X)) % 2
    torch.testing.assert_close(edit(X, z), X + (2 * z - 1)[:, None] * edit.vector)
    own = ((X - edit.boundary) @ edit.normal > 0).long()
    assert torch.equal(edit(X, own), edit(X))
    assert 0 < own.sum() < len(X)


def test_mirrored_coordinates_point_one_way_and_keep_their_lengths() -> None:
    edit = STEERINGS["mirrored"]
    assert isinstance(edit, MirroredCoordinates)
    before, after = (X - edit.center) @ BASIS, (edit(X) - edit.center) @ BASIS
    torch.testing.assert_close(after, before.abs())
    torch.testing.assert_close((edit.at(-1.0)(X) - edit.center) @ BASIS, -before.abs())
    torch.testing.assert_close((edit.at(0.0)(X) - edit.center) @ BASIS, torch.zeros(len(X), 2).double())


@pytest.mark.parametrize("name", STEERINGS)
def test_a_file_keeps_the_strength_and_the_scope(name: str, tmp_path: Path) -> None:
    edit = STEERINGS[name].at(-0.3)
    save_edit(edit, tmp_path / "edit.safetensors")
    loaded = load_edit(tmp_path / "edit.safetensors")
    assert isinstance(loaded, Steering)
    assert (loaded.strength, loaded.scope) == (-0.3, edit.scope)
    assert loaded.fingerprint == edit.fingerprint != STEERINGS[name].fingerprint
    assert torch.equal(apply(loaded, X), apply(edit, X))


def test_strengths_and_scopes_that_make_no_sense_are_refused() -> None:
    with pytest.raises(EditError, match="strength must be a finite number, not nan"):
        AddedVector(normal(D)).at(float("nan"))
    with pytest.raises(EditError, match=r"unknown scope 'first'.*Allowed: all, prefill, last, after-instruction"):
        AddedVector(normal(D), scope="first")
    with pytest.raises(EditError, match="length zero"):
        SetCoordinate(torch.zeros(D), normal(D))
    with pytest.raises(EditError, match="sizes differ"):
        SidedVector(normal(D), normal(D + 1), normal(D))


def test_edits_without_a_strength_touch_every_position() -> None:
    assert AffineEdit.projection(normal(D)).scope == "all"
    assert AddedVector(normal(D), scope="last").at(2.0).scope == "last"


def test_methods_and_subjects_know_the_same_scopes() -> None:
    assert dict(SCOPES) == dict(fixture_scopes.SCOPES)
