"""How large edits at several sites are, gathered while the subject runs: a corpus' rows at all sites fill a memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from interpmark.fixtures.subjects import Batch, Change, Changes
from interpmark.fixtures.subjects.forward import Part

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over the content positions of each text: their number, |x' - x|², |x|² `[n]` and x `[n, d]`."""

    count: torch.Tensor
    size: torch.Tensor
    square: torch.Tensor
    x: torch.Tensor

    @classmethod
    def zero(cls, n: int, d: int) -> _Sums:
        count, size, square = torch.zeros(3, n, dtype=torch.float64)
        return cls(count, size, square, torch.zeros(n, d, dtype=torch.float64))

    def deviation(self) -> torch.Tensor:
        """|x - mean|² summed over each text's positions, the mean being that of all texts: `[n]`."""
        mean = self.x.sum(0) / self.count.sum()
        return self.square - 2 * self.x @ mean + self.count * (mean @ mean)


class SquaredSizes:
    """Listens to the changes of a run over n texts that share no leads."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._sums: dict[str, _Sums] = {}

    def listening(self, changes: Changes) -> Changes:
        """The same changes, each of which is measured whenever it is made."""
        return {site: self._measured(site, change) for site, change in changes.items()}

    def by_text(self) -> Mapping[str, tuple[Floats, Floats]]:
        """By site: |x' - x|² and |x - mean|², each summed over a text's content positions, `[n]`."""
        return {site: (sums.size.numpy(), sums.deviation().numpy()) for site, sums in self._sums.items()}

    def _measured(self, site: str, change: Change) -> Change:
        def measured(stream: torch.Tensor, batch: Batch, part: Part) -> torch.Tensor:
            after = change(stream, batch, part)
            content = part.of(batch.content)
            texts = torch.tensor(batch.rows)[:, None].expand(batch.ids.shape)
            here = content.to(stream.device)
            self.add(site, part.of(texts)[content], stream[here].double().cpu(), after[here].double().cpu())
            return after

        return measured

    def add(self, site: str, texts: torch.Tensor, before: torch.Tensor, after: torch.Tensor) -> None:
        """Count rows `[m, d]` float64 in, each of a text `[m]`."""
        sums = self._sums.setdefault(site, _Sums.zero(self._n, before.shape[-1]))
        sums.count.index_add_(0, texts, torch.ones(len(texts), dtype=torch.float64))
        sums.size.index_add_(0, texts, (after - before).square().sum(1))
        sums.square.index_add_(0, texts, before.square().sum(1))
        sums.x.index_add_(0, texts, before)
