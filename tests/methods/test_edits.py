"""Edits are immutable maps that keep shape, dtype and meaning, in memory and on disk."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from interpmark.methods import (
    AffineEdit,
    ConstantEdit,
    Edit,
    EditError,
    IdentityEdit,
    OracleEdit,
    get_method,
    load_edit,
    save_edit,
)

D = 6


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def affine(rank: int = 2, seed: int = 0, center: bool = True, shift: bool = True) -> AffineEdit:
    return AffineEdit(
        normal(D, rank, seed=seed),
        normal(D, rank, seed=seed + 1),
        normal(D, seed=seed + 2) if center else None,
        normal(D, seed=seed + 3) if shift else None,
    )


EDITS: dict[str, Edit] = {
    "affine": affine(),
    "affine without centre": affine(center=False),
    "affine without shift": affine(shift=False),
    "affine of rank 0": affine(rank=0, shift=False),
    "constant": ConstantEdit(normal(D)),
    "identity": IdentityEdit(D),
    "oracle": OracleEdit(normal(3, D), torch.tensor([0.2, 0.3, 0.5])),
}
every_edit = pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())


def labels(*shape: int) -> Tensor:
    return torch.randint(0, 3, shape, generator=torch.Generator().manual_seed(0))


@every_edit
class TestEveryEdit:
    @pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 1, 4), (0,)])
    @pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
    def test_keeps_shape_and_dtype_and_input(self, edit: Edit, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        x = normal(*shape, D).to(dtype)
        before = x.clone()
        out = edit(x, labels(*shape))
        assert out.shape == x.shape
        assert out.dtype == dtype
        assert torch.equal(x, before)
        assert out.data_ptr() != x.data_ptr() or x.numel() == 0

    def test_half_precision_is_rounded_once_at_the_end(self, edit: Edit) -> None:
        x = normal(50, D).bfloat16()
        exact = edit(x.double(), labels(50))
        torch.testing.assert_close(edit(x, labels(50)).double(), exact, rtol=2**-8, atol=1e-5)

    def test_round_trip_through_a_file(self, edit: Edit, tmp_path: Path) -> None:
        save_edit(edit, tmp_path / "edit.safetensors")
        loaded = load_edit(tmp_path / "edit.safetensors")
        assert type(loaded) is type(edit)
        assert loaded.fingerprint == edit.fingerprint
        assert torch.equal(loaded(normal(9, D), labels(9)), edit(normal(9, D), labels(9)))
        assert [p.name for p in tmp_path.iterdir()] == ["edit.safetensors"]

    def test_wrong_input_is_an_error(self, edit: Edit) -> None:
        with pytest.raises(EditError, match=f"size {D}"):
            edit(normal(3, D + 1), labels(3))
        with pytest.raises(EditError, match="floating"):
            edit(torch.zeros(3, D, dtype=torch.int64), labels(3))

    def test_cannot_be_changed(self, edit: Edit) -> None:
        with pytest.raises(AttributeError):
            edit.shift = None  # type: ignore[attr-defined]


class TestAffine:
    def test_is_the_formula(self) -> None:
        edit, x = affine(), normal(7, D)
        assert edit.center is not None
        assert edit.shift is not None
        for row, edited in zip(x, edit(x), strict=True):
            expected = row - edit.write @ (edit.read.T @ (row - edit.center)) + edit.shift
            torch.testing.assert_close(edited, expected)

    def test_does_not_share_the_callers_tensors(self) -> None:
        direction = normal(D, 1)
        edit = AffineEdit(direction, direction)
        before = edit(normal(3, D))
        direction.zero_()
        assert torch.equal(edit(normal(3, D)), before)

    @given(seed=st.integers(0, 1000), rank=st.integers(0, 4))
    @settings(max_examples=30, deadline=None)
    def test_composition_is_one_after_the_other(self, seed: int, rank: int) -> None:
        first, second, x = affine(rank, seed), affine(2, seed + 10, shift=False), normal(5, D, seed=seed)
        torch.testing.assert_close(second.compose(first)(x), second(first(x)))

    @given(strength=st.floats(-3, 3))
    @settings(max_examples=30, deadline=None)
    def test_scaling_is_along_the_edit(self, strength: float) -> None:
        edit, x = affine(), normal(5, D)
        torch.testing.assert_close(edit.scaled(strength)(x), x + strength * (edit(x) - x))

    def test_projection_of_dependent_directions(self) -> None:
        v = normal(D, 2)
        edit = AffineEdit.projection(torch.cat([v, v @ torch.tensor([[1e-6], [3e-6]]).double(), v[:, :1] * 0], dim=1))
        assert edit.rank == 2
        assert float((edit(normal(4, D)) @ v).abs().max()) < 1e-12

    def test_projection_takes_a_single_direction(self) -> None:
        assert AffineEdit.projection(normal(D), center=normal(D)).rank == 1

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: AffineEdit.projection(torch.zeros(D)), "length zero"),
            (lambda: AffineEdit(normal(D, 2), normal(D, 3)), r"must both be \[d, k\]"),
            (lambda: AffineEdit(normal(D), normal(D)), "read must have 2 dimensions"),
            (lambda: AffineEdit(normal(D, 1), normal(D, 1), center=normal(D + 1)), "center has 7 entries"),
            (lambda: AffineEdit(normal(D, 1) / 0, normal(D, 1)), "read holds NaN or infinity"),
            (lambda: ConstantEdit(normal(D) * float("nan")), "value holds NaN"),
            (lambda: OracleEdit(normal(3, D), normal(2)), "center"),
            (lambda: affine().compose(AffineEdit(normal(3, 1), normal(3, 1))), "size 6 and 3"),
        ],
    )
    def test_impossible_factors_are_errors(self, make: Any, message: str) -> None:
        with pytest.raises(EditError, match=message):
            make()


class TestRank:
    @pytest.mark.parametrize(
        ("name", "rank"), [("affine", 2), ("affine of rank 0", 0), ("constant", D), ("identity", 0)]
    )
    def test_of_each_type(self, name: str, rank: int) -> None:
        assert EDITS[name].rank == rank

    def test_sees_through_factors_of_very_different_size(self) -> None:
        scale = torch.tensor([1e-9, 1e9], dtype=torch.float64)
        assert AffineEdit(normal(D, 2) * scale, normal(D, 2, seed=1) / scale).rank == 2
        doubled = normal(D, 1).repeat(1, 2)
        assert AffineEdit(doubled, normal(D, 2, seed=1)).rank == 1


class TestFingerprint:
    @given(seed=st.integers(0, 1000))
    @settings(max_examples=30, deadline=None)
    def test_same_map_by_other_factors(self, seed: int) -> None:
        edit = affine(3, seed)
        mix = normal(3, 3, seed=seed + 5) + 3 * torch.eye(3)
        moved = normal(D, seed=seed + 6)
        assert edit.center is not None
        assert edit.shift is not None
        shift = edit.shift - (moved - edit.center) @ edit.read @ edit.write.T
        same = AffineEdit(edit.read @ mix, edit.write @ torch.linalg.inv(mix).T, moved, shift)
        assert same.fingerprint == edit.fingerprint

    def test_sign_and_basis_of_a_projection_do_not_matter(self) -> None:
        basis = torch.linalg.qr(normal(D, 3)).Q
        turn = torch.linalg.qr(normal(3, 3, seed=4)).Q
        assert len({AffineEdit.projection(b).fingerprint for b in (basis, -basis, basis @ turn, basis * 17)}) == 1

    @pytest.mark.parametrize("part", ["read", "write", "center", "shift"])
    def test_another_map_by_a_thousandth(self, part: str) -> None:
        edit = affine()
        parts = edit.tensors()
        parts[part] = parts[part] * 1.001
        assert AffineEdit.from_tensors(parts).fingerprint != edit.fingerprint

    def test_the_opposite_map(self) -> None:
        edit = affine(center=False, shift=False)
        assert AffineEdit(edit.read, -edit.write).fingerprint != edit.fingerprint

    def test_types_and_sizes_differ(self) -> None:
        assert len({edit.fingerprint for edit in EDITS.values()}) == len(EDITS)
        assert IdentityEdit(3).fingerprint != IdentityEdit(4).fingerprint


class TestOracle:
    def test_moves_by_the_label(self) -> None:
        edit = EDITS["oracle"]
        assert isinstance(edit, OracleEdit)
        x, z = normal(4, D), torch.tensor([0, 1, 2, 0])
        expected = x - (torch.eye(3, dtype=torch.float64)[z] - edit.center) @ edit.shift
        torch.testing.assert_close(edit(x, z), expected)
        torch.testing.assert_close(edit(x, torch.eye(3, dtype=torch.float64)[z]), expected)

    @pytest.mark.parametrize(
        ("z", "message"),
        [
            (None, "sees labels"),
            (torch.tensor([0, 1]), "do not fit"),
            (normal(4, 2), "do not fit"),
            (torch.tensor([0, 1, 2, 3]), "only 3 classes"),
            (torch.tensor([0, 1, 2, -1]), "numbered from 0"),
        ],
    )
    def test_wrong_labels_are_errors(self, z: Tensor | None, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            EDITS["oracle"](normal(4, D), z)


@pytest.mark.parametrize("spec", ["leace", "inlp(rank=4)", "sal", "random-direction(rank=3)", "random-matched"])
def test_fit_twice_is_the_same_bits(spec: str, multiclass: tuple[Tensor, Tensor]) -> None:
    x, z = multiclass
    first, second = (get_method(spec).build().fit(x, z, seed=3).tensors() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)
