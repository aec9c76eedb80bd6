"""Directional ablation (Arditi et al. 2024, arXiv:2406.11717).

x' = x − strength · (x·r̂) r̂ with r̂ = (μ₁ − μ₀) / ‖μ₁ − μ₀‖, the class means at the fixture's site and slot. The origin
stays, as in the paper: where the mean lies off it, ablation moves both classes to a place where neither was, which ACE
mends.

`sites=all`, as published, takes the one direction out of the whole subject. The paper edits the input of every block
and what every attention and MLP give. The stream is the sum of what the embedding, the attentions and the MLPs write to
it, so it is enough to edit each of these once: at strength 1 nothing is left along r̂ at any site, and at any other
strength 1 − strength of it is left everywhere, where editing the blocks' inputs too would compound from block to block.
`sites=one` edits the stream at the fixture's site alone.

The same can be done to the weights, W' = W − r̂ r̂ᵀ W for all that write to the stream: `weights_without` of
interpmark.fixtures.subjects does it to a subject. It differs in one thing: weights also write at the prefix token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import lazy_loader

from interpmark.methods.affine import AffineEdit
from interpmark.methods.bench import FitBench
from interpmark.methods.classes import class_means
from interpmark.methods.errors import FitError, MethodError, did_you_mean
from interpmark.methods.partial_edit import PartialEdit
from interpmark.methods.registry import register
from interpmark.methods.site_edits import SiteEdits

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_SITES = ("all", "one")


@register(
    "directional-ablation",
    kind="steerer",
    claims={"affine", "idempotent"},
    reference="arXiv:2406.11717",
    supports={"binary"},
)
@dataclass(frozen=True)
class DirectionalAblation:
    """Remove what lies along the difference of the class means.

    Attributes:
        sites: `all` that the subject writes to its stream, or the fixture's `one` site.

    """

    sites: Literal["all", "one"] = "all"

    def __post_init__(self) -> None:
        if self.sites not in _SITES:
            raise MethodError(f"unknown sites {self.sites!r}{did_you_mean(self.sites, _SITES)} Allowed: all, one.")

    @property
    def claims(self) -> frozenset[str]:
        """What holds at every site: the class means differ along this direction at the fixture's own alone."""
        claims = {"affine", "idempotent"}
        return frozenset(claims | {"guards-linearly"} if self.sites == "one" else claims)

    def fit_on(self, bench: FitBench, *, seed: int) -> PartialEdit | SiteEdits:
        """Fit on the means at the bench's site.

        Raises:
            FitError: What the subject's blocks write is not known.

        """
        edit = ablation(bench.split.x, bench.split.z)
        return edit if self.sites == "one" else SiteEdits(dict.fromkeys(writes(bench.subject), edit))


def ablation(x: Tensor, z: Tensor) -> PartialEdit:
    """Return the ablation of the direction from class 0's mean to class 1's of activations `[n, d]`."""
    return PartialEdit(AffineEdit.projection(class_means(x.to(torch.float64), z).difference))


def writes(subject: Any) -> list[str]:
    """The sites that, one after the other, are all that is written to the stream.

    Raises:
        FitError: What the blocks write is not known.

    """
    sites: list[str] = subject.sites()
    written = [site for site in sites if site.partition(".")[0] in ("attn_out", "mlp_out")]
    if not written:
        raise FitError(
            f"the blocks of {subject.name} have no attn_out and mlp_out: what they add to the stream was not found; "
            "directional-ablation(sites=one) works on any subject"
        )
    return ["resid_pre.0", *written]
