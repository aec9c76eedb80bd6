"""The ground that methods are compared on: one fixture's activations, split by entity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Split:
    """The slot activations of one split.

    Attributes:
        x: Activations, `[n, d]` float64.
        z: Labels, `[n]` int64 class indices or `[n, k]` float64 values.
        groups: Entity of each row, `[n]` int64.

    """

    x: torch.Tensor
    z: torch.Tensor
    groups: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.groups)


@dataclass(frozen=True)
class Ground:
    """A fixture's activations at its site and slot.

    Attributes:
        fit: What a method is fitted on. Nothing else reaches it.
        probe: What the adversaries are trained on (and on `fit` with it).
        test: What is scored.
        transfer: Other entities of the same concept, scored with the adversaries trained above; or None.
        neutral: Activations of the neutral corpus at the site, `[m, d]` float64, with their documents; or None.
        neutral_groups: Document of each neutral row, `[m]` int64.

    """

    fit: Split
    probe: Split
    test: Split
    transfer: Split | None = None
    neutral: torch.Tensor | None = None
    neutral_groups: npt.NDArray[np.int64] | None = None
