"""What arrives at sites while edits are in place: the ground that edits at several sites are measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from interpmark.methods import SiteEdits

from .ground import Split

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Arrivals:
    """The slot activations of a concept's prompts at some sites, each as it arrives there with the earlier edits made.

    Attributes:
        edits: The edits that were in place.
        x: By site, then by split, `[n, d]` in the precision that the subject ran in, at least float32.
        splits: The unedited splits, for labels and entities.

    """

    edits: SiteEdits
    x: Mapping[str, Mapping[str, Floats]]
    splits: Mapping[str, Split]

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites, in the order of the pass."""
        return tuple(self.x)

    def arriving(self, site: str, split: str) -> torch.Tensor:
        """What the site's own edit is given, `[n, d]`."""
        return torch.from_numpy(self.x[site][split])

    def leaving(self, site: str, split: str) -> torch.Tensor:
        """What the subject goes on with from the site, `[n, d]`: the same where there is no edit."""
        x = self.arriving(site, split)
        if site not in self.edits:
            return x
        edit = self.edits[site]
        return edit(x, self.splits[split].z if edit.needs_labels else None)

    def split(self, site: str, name: str) -> Split:
        """A split with what leaves the site, float64."""
        own = self.splits[name]
        return Split(self.leaving(site, name).to(torch.float64), own.z, own.groups)
