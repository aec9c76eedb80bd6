"""Scrubbing of the residual stream: a LEACE edit after every block, each fitted on what the earlier ones have left.

x' = x − W⁺ U Uᵀ W (x − μ) at every `resid_post`, with the W, U and μ of LEACE (Belrose et al. 2023, arXiv:2306.03819)
on what arrives there.

Unlike concept scrubbing, which edits what the sublayers read, this takes the concept out of the stream itself, up to
the unembedding; and it needs no norm outputs, so that it works on any subject.
"""

from __future__ import annotations

from dataclasses import dataclass

from interpmark.methods.bench import FitBench
from interpmark.methods.erasers.leace import Leace
from interpmark.methods.registry import register
from interpmark.methods.scrubbing import scrub
from interpmark.methods.site_edits import SiteEdits


@register(
    "scrub-residual",
    kind="eraser",
    claims={"guards-linearly", "idempotent", "affine", "mean-preserving", "minimal-edit"},
    reference="arXiv:2306.03819",
)
@dataclass(frozen=True)
class ScrubResidual:
    """Erase the concept from the residual stream after every block.

    Attributes:
        shrinkage: Shrink the covariances that LEACE whitens by towards a multiple of the identity.

    """

    shrinkage: bool = False

    @property
    def claims(self) -> frozenset[str]:
        """What holds at every site for what arrives there."""
        claims = {"guards-linearly", "idempotent", "affine", "mean-preserving"}
        return frozenset(claims if self.shrinkage else claims | {"minimal-edit"})

    def fit_on(self, bench: FitBench, *, seed: int) -> SiteEdits:
        """Fit at `resid_post` of every block."""
        leace = Leace(shrinkage=self.shrinkage)
        return scrub(bench, ("resid_post",), lambda site, x, z: leace.fit(x, z, seed=seed))
