"""Editing site after site, each edit fitted on the stream as the earlier ones have left it.

Edits that are all fitted on the unedited stream do not guard: what the first one takes out changes what the others are
given.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from interpmark.methods.bench import FitBench
from interpmark.methods.edits import Edit
from interpmark.methods.errors import FitError
from interpmark.methods.site_edits import SiteEdits

if TYPE_CHECKING:
    from torch import Tensor


def scrub(bench: FitBench, streams: Sequence[str], fit: Callable[[str, Tensor, Tensor], Edit]) -> SiteEdits:
    """Return an edit for each block and stream, `fit(site, x, z)` on what arrives there.

    Raises:
        FitError: The subject does not have one of the streams.

    """
    sites = [site for site in bench.subject.sites() if site.partition(".")[0] in streams]
    missing = sorted(set(streams) - {site.partition(".")[0] for site in sites})
    if missing:
        raise FitError(
            f"the blocks of {bench.subject.name} have no {' and no '.join(missing)}: their attention and MLP are not "
            "each given what a norm makes of the stream; scrub-residual works on any subject"
        )
    walk = bench.walk()
    edits: dict[str, Edit] = {}
    for site in sites:
        edits[site] = fit(site, walk.activations(site), bench.split.z)
        walk.edit(site, edits[site])
    return SiteEdits(edits)
