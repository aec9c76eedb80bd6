"""The fit prompts on their way through the subject, edited site after site: each edit is fitted on what arrives.

The stream is kept at the last block that was reached, so that all sites of a subject cost about two passes and not one
pass each. Of prompts that begin one another the longest is run, up to an edit that does not do the same to beginnings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from interpmark.fixtures.subjects import Ragged, Site, parse_site
from interpmark.fixtures.subjects.carriers import find_carriers
from interpmark.methods import Edit, SiteEdits

from .errors import ContractError
from .site_runs import same_for_beginnings, site_changes

if TYPE_CHECKING:
    from .stage import Recorder


class Walk:
    """Goes forward only: ask what arrives at a site, place an edit there if you like, go on.

    Args:
        recorder: Runs the subject.
        tokens: Token ids of each prompt, the prefix first.
        slots: The position in each prompt that is asked for.
        labels: The label of each prompt, for edits that see them.

    """

    def __init__(
        self, recorder: Recorder, tokens: Sequence[Sequence[int]], slots: Sequence[int], labels: torch.Tensor
    ) -> None:
        self._recorder = recorder
        self._tokens = tokens
        self._slots = np.asarray(slots, dtype=np.int64)
        self._labels = labels
        subject = recorder.subject
        self._carried = find_carriers(tokens, slots, subject.n_prefix) if subject.anatomy.causal else None
        self._start: tuple[Site, Ragged] | None = None
        self._edits: dict[str, Edit] = {}
        self._ahead: dict[str, Edit] = {}  # edits at the start or after it
        self._reached: Site | None = None

    def activations(self, site: str) -> torch.Tensor:
        """What arrives at the slots at a site with the edits so far in place, `[n, d]` float64.

        Raises:
            SiteError: The subject has no such site.
            ContractError: The walk has passed the site.

        """
        here = self._parse(site)
        if self._reached is not None and here.order < self._reached.order:
            raise ContractError(f"the walk has reached {self._reached} and does not go back to {site}: ask in order")
        kept = self._next_start(here)
        texts, of = self._carried or (self._tokens, np.arange(len(self._tokens)))
        states = self._recorder.changed(
            "the prompts to fit on",
            texts,
            [site] if kept is None or str(kept) == site else [site, str(kept)],
            {} if not self._ahead else site_changes(SiteEdits(self._ahead), self._labels),
            share_leads=same_for_beginnings(self._edits.values()),
            start=None if self._start is None else (str(self._start[0]), self._start[1]),
        )
        if kept is not None:
            self._start = kept, states[str(kept)]
            self._ahead = {at: edit for at, edit in self._ahead.items() if self._parse(at).order >= kept.order}
        self._reached = here
        rows = states[site].offsets[of] + self._slots
        return torch.from_numpy(np.asarray(states[site].x[rows], dtype=np.float64))

    def edit(self, site: str, edit: Edit) -> None:
        """Place an edit at a site that the walk has reached, or further on.

        Raises:
            SiteError: The subject has no such site.
            ContractError: The walk has passed the site, or there is an edit already.

        """
        here = self._parse(site)
        if self._reached is not None and here.order < self._reached.order:
            raise ContractError(f"the walk has reached {self._reached}: an edit at {site} comes too late")
        if site in self._ahead:
            raise ContractError(f"there is an edit at {site} already; compose the two")
        if self._carried is not None and not same_for_beginnings([edit]):
            self._carried = None  # every prompt is run by itself from here on, and so from its first token
            self._start, self._ahead = None, dict(self._edits)
        self._edits[site] = self._ahead[site] = edit

    def _next_start(self, here: Site) -> Site | None:
        """Where the next passes can begin: at the block of the site asked for; None when they do already."""
        start = here if here.stream == "resid_post" else Site("resid_pre", here.block)
        return start if self._start is None or start.order > self._start[0].order else None

    def _parse(self, site: str) -> Site:
        subject = self._recorder.subject
        return parse_site(site, subject.n_blocks, subject.anatomy.streams)
