"""Concept scrubbing (Belrose et al. 2023, arXiv:2306.03819, section 6): LEACE at what every sublayer reads.

For each block in turn, and in it for the attention and then the MLP: h is what the norm before the sublayer gives, with
all earlier edits in place; fit LEACE on h; from now on the sublayer is given h' = h − W⁺ U Uᵀ W (h − μ). The embeddings
and the final norm stay untouched, so the stream itself still carries what the embeddings put there. No sublayer reads
it linearly.

`kind=random` takes a random subspace of the rank of LEACE's edit at each site, the paper's control: what scrubbing
costs when it knows nothing of the concept. Its edits are far smaller than LEACE's. `kind=random-matched` stretches what
lies along such a subspace until the edit is, against the variance of what arrives, as large as concept scrubbing's own
edit at that site: what the edits' size alone costs.

The edits are fitted at the fixture's slot, and act on every content position like any edit of this suite. In the first
blocks a slot such as the last token of a few templates hardly varies, and an eraser that is minimal there can be far
too large elsewhere (`edit_norm_off_target_by_site` tells); shrinkage tames it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from interpmark.methods.affine import AffineEdit
from interpmark.methods.bench import FitBench
from interpmark.methods.erasers.leace import Leace
from interpmark.methods.erasers.random_direction import random_basis
from interpmark.methods.registry import register
from interpmark.methods.scrubbing import scrub
from interpmark.methods.site_edits import SiteEdits

if TYPE_CHECKING:
    from torch import Tensor


@register(
    "concept-scrubbing",
    kind="eraser",
    claims={"guards-linearly", "idempotent", "affine", "mean-preserving", "minimal-edit"},
    reference="arXiv:2306.03819",
)
@dataclass(frozen=True)
class ConceptScrubbing:
    """Erase the concept from what every sublayer of the subject reads, block after block.

    Attributes:
        kind: LEACE, or for comparison random subspaces of its rank, or of its rank and size.
        shrinkage: Shrink the covariances that LEACE whitens by towards a multiple of the identity.

    """

    kind: Literal["leace", "random", "random-matched"] = "leace"
    shrinkage: bool = False

    @property
    def claims(self) -> frozenset[str]:
        """What holds at every site for what arrives there."""
        claims = {"affine", "mean-preserving"}
        if self.kind == "random-matched":
            return frozenset(claims)
        if self.kind == "random":
            return frozenset(claims | {"idempotent", "orthogonal"})
        return frozenset(claims | {"idempotent", "guards-linearly"} | (set() if self.shrinkage else {"minimal-edit"}))

    def fit_on(self, bench: FitBench, *, seed: int) -> SiteEdits:
        """Fit at `attn_in` and `mlp_in` of every block.

        Raises:
            FitError: The subject has no such sites.

        """
        leace = Leace(shrinkage=self.shrinkage)
        sizes: dict[str, float] = {}

        def erase(site: str, x: Tensor, z: Tensor) -> AffineEdit:
            eraser = leace.fit(x, z, seed=seed)
            sizes[site] = _share(eraser, x)
            return eraser

        turn = iter(range(1 << 16))  # each site has a subspace of its own

        def at_random(site: str, x: Tensor, z: Tensor) -> AffineEdit:
            rank = leace.fit(x, z, seed=seed).rank
            basis = random_basis(x.shape[1], rank, (seed << 16) + next(turn)).to(x.device)
            projection = AffineEdit(basis, basis, center=x.mean(0))
            if self.kind == "random" or not rank:
                return projection
            return AffineEdit(basis, (sizes[site] / _share(projection, x)) ** 0.5 * basis, center=x.mean(0))

        streams = ("attn_in", "mlp_in")
        if self.kind == "leace":
            return scrub(bench, streams, erase)
        if self.kind == "random-matched":
            scrub(bench, streams, erase)  # for the sizes alone: what a site is given depends on the edits before it
        return scrub(bench, streams, at_random)


def _share(edit: AffineEdit, x: Tensor) -> float:
    """Mean squared edit over the variance of x."""
    return float((edit(x) - x).square().sum() / (x - x.mean(0)).square().sum())
