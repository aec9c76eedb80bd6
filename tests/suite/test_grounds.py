"""What the grounds of a run make ready, and what they say of the subject."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from interpmark.methods import AffineEdit, Edit, IdentityEdit, get_method
from interpmark.suite import InterpmarkWarning, RunOptions
from interpmark.suite.cells import collect_cells
from interpmark.suite.grounds import Grounds, last_block_before
from interpmark.suite.progress import SilentProgress
from interpmark.suite.running import content, running_form
from interpmark.suite.stage import in_depth_order


def grounds(tmp_path: Path, prefix: str) -> Grounds:
    options = RunOptions(methods=("identity",), fixtures=("gender@*",), prefix=prefix, store=tmp_path, cache=False)
    return Grounds(options, collect_cells(options), SilentProgress())


@pytest.mark.model
def test_the_suite_warns_of_a_sink_without_a_prefix(tmp_path: Path) -> None:
    with pytest.warns(InterpmarkWarning, match="spoil means, covariances and edits"):
        assert grounds(tmp_path, "none").sinks.found


@pytest.mark.model
def test_with_the_prefix_there_is_no_sink_at_the_sites(tmp_path: Path) -> None:
    assert not grounds(tmp_path, "auto").sinks.found  # a warning would be an error here


def test_sites_are_ordered_as_a_forward_pass_reaches_them() -> None:
    sites = ["resid_post.9", "resid_pre.10", "resid_post.10", "resid_pre.2", "resid_post.9"]
    assert in_depth_order(sites) == ["resid_pre.2", "resid_post.9", "resid_pre.10", "resid_post.10"]
    assert last_block_before("resid_pre.10") == last_block_before("resid_post.9") == 9


def test_three_formulas_of_one_projection_run_as_one() -> None:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(400, 32, generator=generator, dtype=torch.float64) * 3 + 5
    z = torch.arange(400) % 2
    edits = [get_method(name).build().fit(x, z, seed=0) for name in ("mean-projection", "sal", "leace(method=orth)")]
    assert len({content(edit) for edit in edits}) > 1, "equal already: the canonical form shows nothing"
    forms = [running_form(edit, torch.float32) for edit in edits]
    assert len({content(form) for form in forms}) == 1
    torch.testing.assert_close(forms[0](x), edits[0](x), atol=1e-5, rtol=0)


def test_other_edits_run_as_they_are() -> None:
    two = AffineEdit.projection(torch.eye(4, 2, dtype=torch.float64))
    one = AffineEdit.projection(torch.eye(4, 1, dtype=torch.float64))
    nothing = AffineEdit(torch.zeros(4, 0), torch.zeros(4, 0))
    assert running_form(two, torch.float32) is two
    assert running_form(one, torch.float64) is one
    assert isinstance(running_form(nothing, torch.float32), IdentityEdit)


def test_two_types_of_one_name_and_the_same_numbers_run_apart() -> None:
    """Two files of two authors may both hold a class MyEdit: the second's scores are not the first's."""

    def author(name: str) -> Edit:
        class MyEdit(IdentityEdit):
            tag = name

        return MyEdit(4)

    assert content(author("test-first")) != content(author("test-second"))
    assert content(author("test-third")) == content(author("test-third"))
