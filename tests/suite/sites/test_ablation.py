"""Directional ablation takes one direction out of the whole subject, on the way or in its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from interpmark.fixtures.subjects import Subject, weights_without
from interpmark.methods import FitError, PartialEdit, SiteEdits, get_method, load_site_edits, save_edit
from interpmark.suite.fitting import Fitter
from interpmark.suite.stage import ConceptStage

Ready = Callable[..., Any]
SITE = "resid_post.2"


def fitted(stage: ConceptStage, ready: Ready, spec: str = "directional-ablation") -> Any:
    at, bench = ready(stage, SITE)
    return Fitter(60).fit(get_method(spec), at.ground, 0, bench).edit


def direction_of(edit: Any) -> torch.Tensor:
    assert isinstance(edit, PartialEdit)
    return edit.whole.read[:, 0]


def test_nothing_is_left_along_the_direction_at_any_site(stage: ConceptStage, ready: Ready) -> None:
    edits = fitted(stage, ready)
    assert isinstance(edits, SiteEdits)
    r = direction_of(edits["resid_pre.0"])
    stream = [f"{s}.{k}" for k in range(4) for s in ("resid_pre", "attn_out", "mlp_out", "resid_post")]
    arrivals = stage.arrivals(edits, stream)
    left = {site: float((arrivals.leaving(site, "fit").double() @ r).abs().max()) for site in stream}
    assert max(left.values()) < 1e-4, left
    unedited = stage.arrivals(SiteEdits({"resid_post.3": edits["resid_pre.0"].at(0.0)}), stream)
    assert min(float((unedited.arriving(s, "fit").double() @ r).abs().max()) for s in stream) > 1e-3


def test_a_part_of_it_is_left_everywhere_at_another_strength(stage: ConceptStage, ready: Ready) -> None:
    """Of what is written first, before the rest of the subject hears of it."""
    edits = fitted(stage, ready)
    r = direction_of(edits["resid_pre.0"])
    half, none = (stage.arrivals(edits.at(s), ["resid_pre.0"]).leaving("resid_pre.0", "fit") for s in (0.5, 0.0))
    torch.testing.assert_close(half.double() @ r, 0.5 * none.double() @ r, atol=1e-5, rtol=1e-4)


def test_edits_and_weights_agree_where_there_is_no_prefix(
    tiny: Subject, stage_of: Callable[..., ConceptStage], ready: Ready, tmp_path: Any
) -> None:
    """The saved edits hold the direction; the weights that write nothing along it answer the same."""
    stage = stage_of(replace(tiny, prefix_id=None))
    save_edit(fitted(stage, ready), tmp_path / "ablation.safetensors")
    edits = load_site_edits(tmp_path / "ablation.safetensors")
    by_edits, damage = stage.log_probs(SITE, edits), stage.corpus.run(SITE, edits).nll
    with weights_without(tiny, direction_of(edits["resid_pre.0"])):
        other = stage_of(replace(tiny, prefix_id=None))
        torch.testing.assert_close(by_edits, other.reference, atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(damage, other.corpus.reference.nll, rtol=1e-5)
    assert (by_edits - stage.reference).abs().max() > 1e-2


def test_one_site_is_the_form_for_subjects_whose_writes_are_unknown(stage: ConceptStage, ready: Ready) -> None:
    edit = fitted(stage, ready, "directional-ablation(sites=one)")
    assert isinstance(edit, PartialEdit)
    assert torch.equal(direction_of(edit), direction_of(fitted(stage, ready)["mlp_out.3"]))
    _, bench = ready(stage, SITE)

    class Mute:
        name = "mute"

        def sites(self) -> list[str]:
            return ["resid_pre.0", "resid_post.0"]

    with pytest.raises(FitError, match=r"sites=one"):
        get_method("directional-ablation").build().fit_on(replace(bench, subject=Mute()), seed=0)
