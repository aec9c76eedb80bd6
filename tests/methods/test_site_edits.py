"""Edits at several sites are one frozen thing: checked when made, one file, and told apart by content."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from interpmark.methods import (
    AffineEdit,
    ConstantEdit,
    EditError,
    IdentityEdit,
    OracleEdit,
    SiteEdits,
    load_edit,
    load_site_edits,
    save_edit,
)

D = 6


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


AFFINE = AffineEdit(normal(D, 2), normal(D, 2, seed=1), normal(D))
CONSTANT = ConstantEdit(normal(D))
EDITS = {"attn_in.0": AFFINE, "mlp_in.0": IdentityEdit(D), "resid_post.11": CONSTANT}


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        ({}, "returns an IdentityEdit"),
        ({"resid_post": AFFINE}, "'resid_post' names no site; write STREAM.BLOCK"),
        ({"resid_post.01": AFFINE}, "names no site"),
        ({3: AFFINE}, "3 names no site"),
        ({"resid_post.1": normal(D)}, "resid_post.1: Tensor is no Edit"),
        ({"a.1": AFFINE, "a.2": IdentityEdit(5)}, r"different sizes \(6 at a.1, 5 at a.2\)"),
    ],
)
def test_what_is_refused(edits: dict[str, object], told: str) -> None:
    with pytest.raises(EditError, match=told):
        SiteEdits(edits)  # type: ignore[arg-type]


def test_it_keeps_what_it_was_given() -> None:
    given = dict(EDITS)
    edits = SiteEdits(given)
    given.clear()
    assert list(edits) == list(EDITS)
    assert edits["resid_post.11"] is CONSTANT
    assert (edits.d, edits.rank, edits.needs_labels) == (D, D, False)
    assert SiteEdits({**EDITS, "attn_in.1": OracleEdit(normal(2, D), normal(2))}).needs_labels
    with pytest.raises(TypeError):
        edits["attn_in.0"] = CONSTANT  # type: ignore[index]


def test_the_fingerprint_is_of_sites_and_edits() -> None:
    edits = SiteEdits(EDITS)
    assert edits.fingerprint == SiteEdits(dict(reversed(EDITS.items()))).fingerprint
    others = [
        {**EDITS, "attn_in.0": CONSTANT},
        {"attn_in.1": AFFINE, "mlp_in.0": IdentityEdit(D), "resid_post.11": CONSTANT},
        {site: EDITS[site] for site in ("attn_in.0", "mlp_in.0")},
    ]
    assert len({edits.fingerprint, *(SiteEdits(other).fingerprint for other in others)}) == 4


def test_one_file_holds_them_all(tmp_path: Path) -> None:
    edits = SiteEdits({**EDITS, "attn_in.1": OracleEdit(normal(2, D), normal(2))})
    save_edit(edits, tmp_path / "edits.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["edits.safetensors"]
    loaded = load_site_edits(tmp_path / "edits.safetensors")
    assert loaded.fingerprint == edits.fingerprint
    x, z = normal(5, D, seed=2), normal(5, 2, seed=3)
    for site, edit in edits.items():
        assert type(loaded[site]) is type(edit)
        assert torch.equal(loaded[site](x, z), edit(x, z)), site


def test_each_reader_names_the_other(tmp_path: Path) -> None:
    save_edit(SiteEdits(EDITS), tmp_path / "several")
    save_edit(AFFINE, tmp_path / "one")
    with pytest.raises(EditError, match="several sites; read it with load_site_edits"):
        load_edit(tmp_path / "several")
    with pytest.raises(EditError, match="a single edit; read it with load_edit"):
        load_site_edits(tmp_path / "one")


@pytest.mark.parametrize(
    ("sites", "told"),
    [
        ('{"attn_in.0": "affin"}', r"unknown type 'affin'; did you mean 'affine'\?"),
        ('{"attn_in.0": "affine"}', "lacks 'write'"),
        ('{"attn_in.1": "affine"}', "'attn_in.0/read', which belongs to none of its sites"),
        ("[]", "does not say which edits it holds"),
        ("{", "does not say which edits it holds"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(tmp_path: Path, sites: str, told: str) -> None:
    save_file({"attn_in.0/read": normal(D, 1)}, tmp_path / "e", metadata={"interpmark.sites": sites})
    with pytest.raises(EditError, match=told):
        load_site_edits(tmp_path / "e")


def test_an_edit_without_a_tag_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    class Mine(ConstantEdit):
        pass

    with pytest.raises(EditError, match="cannot save Mine"):
        save_edit(SiteEdits({"attn_in.0": AFFINE, "attn_in.1": Mine(normal(D))}), tmp_path / "e")
    assert not list(tmp_path.iterdir())
