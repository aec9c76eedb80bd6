"""A method that needs more than activations gets a bench, and nothing beyond the fit split."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from interpmark.reports.store import Store

Run = Callable[..., subprocess.CompletedProcess[str]]

METHOD = """
import torch
from interpmark.methods import AffineEdit, register

@register("from-below", kind="eraser", claims=set(), supports={"binary"})
class FromBelow:
    def fit_on(self, bench, *, seed):
        assert len(bench.texts) == len(bench.split.z) == len(bench.split.groups)
        assert all(bench.subject.token_id(text) in ids for text, ids in zip((" he", " she"), bench.answers))
        here, below = bench.split.x, bench.activations("resid_post.25")
        assert here.shape == below.shape and not torch.equal(here, below)
        assert torch.equal(bench.activations(bench.site), here)
        z = bench.split.z
        return AffineEdit.projection(below[z == 1].mean(0) - below[z == 0].mean(0), center=here.mean(0))
"""


@pytest.mark.slow
@pytest.mark.model
def test_fit_on_a_bench(suite_run: Run, tmp_path: Path) -> None:
    (tmp_path / "below.py").write_text(METHOD)
    fixtures = ("--interp-fixtures", "gender@*26:last,planted-gaussian", "--interp-methods", "from-below")
    done = suite_run("--interp-method", "below.py", "--interp-store", "store", "-k", "norm", *fixtures)
    assert done.returncode == 0, done.stdout
    cards = {card.cell.concept: card for card in Store(tmp_path / "store").scorecards()}
    assert cards["gender"].error is None
    assert cards["gender"].estimate("behavior_effect").value > 0.3
    assert cards["planted-gaussian"].status == "not scored"
    assert "needs a subject" in cards["planted-gaussian"].estimate("edit_norm").reason
