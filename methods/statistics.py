"""Means and covariances of activations and labels, in float64, from one batch or from many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.errors import FitError

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@dataclass(frozen=True, eq=False)
class Statistics:
    """First and second moments of n rows. Covariances are divided by n.

    Attributes:
        n: Number of rows.
        mean_x: `[d]`.
        mean_z: `[k]`.
        cov_xx: `[d, d]`.
        cov_xz: `[d, k]`.
        cov_zz: `[k, k]`.

    """

    n: int
    mean_x: Tensor
    mean_z: Tensor
    cov_xx: Tensor
    cov_xz: Tensor
    cov_zz: Tensor


class StreamingStatistics:
    """Gathers `Statistics` batch by batch.

    Each batch is centred on its own mean first and then merged (Chan, Golub and LeVeque 1983), so that a mean far
    from the origin costs no digits.
    """

    def __init__(self, d: int, k: int, device: torch.device | str | None = None) -> None:
        self.n = 0
        # x and z side by side: one joint covariance holds all three blocks
        self._d, self._k = d, k
        self._mean = torch.zeros(d + k, dtype=torch.float64, device=device)
        self._moment = torch.zeros(d + k, d + k, dtype=torch.float64, device=device)

    def update(self, x: Tensor, z: Tensor) -> None:
        """Add a batch: x `[m, d]` and z `[m, k]`, any floating dtype.

        Raises:
            FitError: Shapes do not fit, or a value is NaN or infinite.

        """
        if x.ndim != 2 or z.ndim != 2 or x.shape[1] != self._d or z.shape != (x.shape[0], self._k):
            raise FitError(f"expected x [n, {self._d}] and z [n, {self._k}]; got {tuple(x.shape)} and {tuple(z.shape)}")
        rows = torch.cat([x.to(self._mean), z.to(self._mean)], dim=1)  # [m, d + k]
        m = rows.shape[0]
        if m == 0:
            return
        if not bool(rows.isfinite().all()):
            raise FitError("the activations or the labels hold NaN or infinity")
        mean = rows.mean(0)
        gap = mean - self._mean
        total = self.n + m
        # the gap between the means as one more row, so that one product in place adds both: (d + k)² is large
        parts = torch.cat([rows - mean, (gap * (self.n * m / total) ** 0.5)[None]])
        self._moment.addmm_(parts.T, parts)
        self._mean = self._mean + gap * (m / total)
        self.n = total

    @property
    def statistics(self) -> Statistics:
        """The moments of all rows so far.

        Raises:
            FitError: There were none.

        """
        if self.n == 0:
            raise FitError("there are no rows to fit on")
        d, moment = self._d, self._moment / self.n
        return Statistics(self.n, self._mean[:d], self._mean[d:], moment[:d, :d], moment[:d, d:], moment[d:, d:])


def statistics(x: Tensor, z: Tensor) -> Statistics:
    """Return the statistics of activations x `[n, d]` and a label matrix z `[n, k]`."""
    stream = StreamingStatistics(x.shape[-1], z.shape[-1], x.device)
    stream.update(x, z)
    return stream.statistics
