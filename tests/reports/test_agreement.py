"""Agreement: what the edits of a store read and write, and how far methods agree."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from interpmark.methods import AffineEdit, Edit, SiteEdits, get_method, save_edit
from interpmark.methods.added_vectors import AddedVector
from interpmark.methods.edits import EDIT_TYPES
from interpmark.reports.agreement import agreement, agreement_json, agreement_markdown, agreement_text
from interpmark.reports.directions import FORMS
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.store import Store

E = torch.eye(6, dtype=torch.float64)


@pytest.fixture
def store_of(tmp_path: Path, make_card: Callable[..., Scorecard]) -> Callable[..., Store]:
    def make(edits: Mapping[str, Edit | SiteEdits], **rest: object) -> Store:
        store = Store(tmp_path / "store")
        for name, edit in edits.items():
            card = make_card(name, **rest)
            store.put(card)
            store.put_edit(card.key, lambda path, edit=edit: save_edit(edit, path))
        return store

    return make


def cosine(store: Store, way: str, one: str, other: str) -> tuple[float, ...]:
    (found,) = agreement(store)
    (matrix,) = [matrix for matrix in found.matrices if matrix.way == way]
    return matrix.cosines[matrix.methods.index(one)][matrix.methods.index(other)]


def test_projections_agree_as_their_directions_do(store_of: Callable[..., Store]) -> None:
    slanted = E[:, 0] + E[:, 1]
    store = store_of({
        "first": AffineEdit.projection(E[:, 0]),
        "slanted": AffineEdit.projection(-3 * slanted),
        "other": AffineEdit.projection(E[:, 2], center=E[:, 4]),
    })  # fmt: skip
    for way in ("read", "written"):
        assert cosine(store, way, "first", "slanted") == pytest.approx((math.sqrt(0.5),))  # of either sign
        assert cosine(store, way, "first", "other") == pytest.approx((0,), abs=1e-12)
        assert cosine(store, way, "slanted", "slanted") == pytest.approx((1,))


def test_subspaces_have_the_cosines_of_their_principal_angles(store_of: Callable[..., Store]) -> None:
    plane = torch.stack([E[:, 0], math.cos(0.3) * E[:, 1] + math.sin(0.3) * E[:, 2]], dim=1)
    turned = plane @ torch.tensor([[2.0, 1.0], [-1.0, 3.0]], dtype=torch.float64)  # the same span
    store = store_of({"axes": AffineEdit.projection(E[:, :2]), "plane": AffineEdit.projection(turned)})
    assert cosine(store, "written", "axes", "plane") == pytest.approx((1, math.cos(0.3)))


def test_leace_writes_the_difference_of_means_and_reads_the_discriminant(store_of: Callable[..., Store]) -> None:
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(6, 6, generator=generator, dtype=torch.float64)
    z = torch.arange(4000) % 2
    x = torch.randn(4000, 6, generator=generator, dtype=torch.float64) @ root + z[:, None] * E[0]
    fits = {name: get_method(name).build().fit(x, z, seed=0) for name in ("leace", "mean-projection")}
    discriminant = torch.linalg.solve(torch.cov(x.T), x[z == 1].mean(0) - x[z == 0].mean(0))
    store = store_of({**fits, "discriminant": AffineEdit.projection(discriminant)})
    assert cosine(store, "written", "leace", "mean-projection") == pytest.approx((1,), abs=1e-6)
    assert cosine(store, "read", "leace", "discriminant") == pytest.approx((1,), abs=1e-6)
    (found,) = agreement(store)
    assert found.own["mean-projection"] == pytest.approx(1)
    assert found.own["leace"] < 0.9


def test_the_rank_is_that_of_the_map_and_not_of_its_factors(store_of: Callable[..., Store]) -> None:
    read = torch.stack([E[:, 0], E[:, 1]], dim=1)
    write = torch.stack([E[:, 2], E[:, 2]], dim=1)  # R Lᵀ = (e0 + e1) e2ᵀ
    (found,) = agreement(store_of({"flat": AffineEdit(read, write), "sum": AffineEdit.projection(E[:, 0] + E[:, 1])}))
    assert found.matrices[0].ranks == found.matrices[1].ranks == (1, 1)
    assert found.matrices[0].cosines[0][1] == pytest.approx((1,))


def test_steering_vectors_have_a_sense_and_projections_none(store_of: Callable[..., Store]) -> None:
    store = store_of({
        "to": AddedVector(E[:, 0]), "fro": AddedVector(-2 * E[:, 0]), "projection": AffineEdit.projection(E[:, 0])
    })  # fmt: skip
    assert cosine(store, "written", "to", "fro") == pytest.approx((-1,))
    assert cosine(store, "written", "fro", "projection") == pytest.approx((1,))
    (found,) = agreement(store)
    assert found.matrices[0].methods == ("projection",)  # nothing else reads


def test_what_has_no_directions_is_named_with_the_reason(store_of: Callable[..., Store]) -> None:
    here = SiteEdits({"resid_post.26": AffineEdit.projection(E[:, 0])})
    there = SiteEdits({"resid_post.2": AffineEdit.projection(E[:, 0])})
    whole = EDIT_TYPES["constant"].from_tensors({"value": E[:, 0]})
    store = store_of({"ablation": whole, "here": here, "there": there, "one": AffineEdit.projection(E[:, 0])})
    (found,) = agreement(store)
    assert found.matrices[0].methods == ("here", "one")
    assert found.left_out == {
        "ablation": "it replaces the whole activation",
        "there": "it edits at several sites, and resid_post.26 is none of them",
    }


def test_every_form_that_the_suite_saves_is_known() -> None:
    own = {tag for tag, kind in EDIT_TYPES.items() if kind.__module__.startswith("interpmark.methods")}
    assert own
    assert own <= set(FORMS)


def test_text_markdown_and_json_say_the_same(store_of: Callable[..., Store]) -> None:
    store = store_of({"a|b": AffineEdit.projection(E[:, 0]), "c": AffineEdit.projection(E[:, 0] + E[:, 1])})
    found = agreement(store, "gender@*")
    assert "0.71" in agreement_text(found)
    assert "| 1 a\\|b | 1 | 1.00 | 1.00 | 0.71 |" in agreement_markdown(found)
    (fixture,) = json.loads(agreement_json(found))["fixtures"]
    assert fixture["written"]["cosines"][0][1] == pytest.approx([math.sqrt(0.5)])
    with pytest.raises(ValueError, match=r"matches 'tense'; it has gender@smollm2-135m/resid_post.26:last"):
        agreement(store, "tense")


def test_the_command_needs_no_torch(store_of: Callable[..., Store]) -> None:
    store = store_of({"one": AffineEdit.projection(E[:, 0])})
    code = (
        "import sys; from interpmark.suite.cli import app\n"
        f"try: app(['agreement', {str(store.root)!r}])\n"
        "finally: print('torch.nn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "1 one" in done.stdout
    assert done.stdout.endswith("False\n")
