"""Edit files are safetensors with a type tag: whole or not there, and never a pickle."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from interpmark.methods import AffineEdit, ConstantEdit, EditError, load_edit, save_edit

D = 6


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


AFFINE = AffineEdit(normal(D, 2), normal(D, 2), normal(D))
CONSTANT = ConstantEdit(normal(D))


def write(path: Path, tensors: dict[str, Tensor], tag: str | None) -> Path:
    save_file(tensors, path, metadata=None if tag is None else {"interpmark.edit": tag})
    return path


def test_a_factor_stored_by_columns_gives_the_same_bits_when_it_is_loaded(tmp_path: Path) -> None:
    by_columns = normal(5, 576).T
    assert not by_columns.is_contiguous()
    edit = AffineEdit(by_columns, by_columns, normal(576))
    save_edit(edit, tmp_path / "e")
    x = torch.randn(64, 576, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert torch.equal(load_edit(tmp_path / "e")(x), edit(x))


def test_unknown_type_names_the_known_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "e", {"read": normal(D, 1)}, "afine")
    with pytest.raises(EditError, match=r"unknown type 'afine'; did you mean 'affine'\? Known: .*affine, .*constant"):
        load_edit(path)


def test_other_safetensors_are_no_edit(tmp_path: Path) -> None:
    with pytest.raises(EditError, match="no edit that interpmark saved"):
        load_edit(write(tmp_path / "e", {"read": normal(D, 1)}, None))


def test_missing_factor(tmp_path: Path) -> None:
    with pytest.raises(EditError, match="lacks 'write'"):
        load_edit(write(tmp_path / "e", {"read": normal(D, 1)}, "affine"))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(EditError, match="there is no edit file"):
        load_edit(tmp_path / "none")


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    torch.save({"read": _Bomb(tmp_path / "exploded")}, path)
    with pytest.raises(EditError, match="not a safetensors file"):
        load_edit(path)
    assert not (tmp_path / "exploded").exists()


def test_a_header_that_lies_about_its_length(tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    header = json.dumps({"read": {"dtype": "F64", "shape": [D, 1], "data_offsets": [0, 48]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"short")
    with pytest.raises(EditError, match="not a safetensors file"):
        load_edit(path)


def test_what_is_no_edit_cannot_be_saved(tmp_path: Path) -> None:
    with pytest.raises(EditError, match="returns an Edit"):
        save_edit(lambda x: x, tmp_path / "e")  # type: ignore[arg-type]


def test_a_type_without_a_tag_cannot_be_saved(tmp_path: Path) -> None:
    class Mine(ConstantEdit):
        pass

    with pytest.raises(EditError, match="tag of its own"):
        save_edit(Mine(normal(D)), tmp_path / "e")


def test_a_type_of_ones_own(tmp_path: Path) -> None:
    class Negated(ConstantEdit):
        tag = "test-negated"

        def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
            return -super().__call__(x)

    save_edit(Negated(normal(D)), tmp_path / "e")
    loaded = load_edit(tmp_path / "e")
    assert isinstance(loaded, Negated)
    torch.testing.assert_close(loaded(normal(2, D)), -normal(D).expand(2, D))


def test_a_save_that_is_cut_off_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_edit(CONSTANT, tmp_path / "e")

    def full(self: Path, target: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space"):
        save_edit(AFFINE, tmp_path / "e")
    assert load_edit(tmp_path / "e").fingerprint == CONSTANT.fingerprint
    assert [p.name for p in tmp_path.iterdir()] == ["e"]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    class Broken(ConstantEdit):
        tag = "test-broken"

        def tensors(self) -> dict[str, Tensor]:
            return {"value": "no tensor"}  # type: ignore[dict-item]

    save_edit(CONSTANT, tmp_path / "e")
    with pytest.raises(Exception, match="str"):
        save_edit(Broken(normal(D)), tmp_path / "e")
    assert load_edit(tmp_path / "e").fingerprint == CONSTANT.fingerprint
    assert [p.name for p in tmp_path.iterdir()] == ["e"]


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))
