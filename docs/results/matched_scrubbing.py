"""Scrubbing with random subspaces that edit as much as LEACE does: what does the size of the edits alone cost?

The control of the LEACE paper has the rank of the concept's edits, and is far smaller than they are. This one has the
rank and, by stretching what lies along the subspace, the mean squared size on the prompts that it is fitted on.

    pytest suite --interp-method docs/results/matched_scrubbing.py --interp-fixtures 'part-of-speech@*'
"""

from __future__ import annotations

from itertools import count

from torch import Tensor

from interpmark.methods import AffineEdit, SiteEdits, register
from interpmark.methods.bench import FitBench
from interpmark.methods.erasers.leace import leace
from interpmark.methods.erasers.random_direction import random_basis
from interpmark.methods.labels import label_matrix
from interpmark.methods.scrubbing import scrub
from interpmark.methods.statistics import statistics


@register("scrubbing-random-matched", kind="eraser", claims={"affine", "mean-preserving"}, control=True)
class RandomMatchedScrubbing:
    """Stretch a random subspace at what every sublayer reads, by as much as LEACE edits there."""

    def fit_on(self, bench: FitBench, *, seed: int) -> SiteEdits:
        """Fit at `attn_in` and `mlp_in` of every block."""
        turn = count(seed << 16)  # each site has a subspace of its own

        def fit(site: str, x: Tensor, z: Tensor) -> AffineEdit:
            eraser = leace(statistics(x, label_matrix(z).reshape(x.shape[0], -1)))
            basis = random_basis(x.shape[1], eraser.rank, next(turn)).to(x.device)
            centred = x - x.mean(0)
            scale = ((eraser(x) - x).square().sum() / (centred @ basis).square().sum()).sqrt()
            return AffineEdit(basis, scale * basis, center=x.mean(0))

        return scrub(bench, ("attn_in", "mlp_in"), fit)
