"""Streaming LEACE: fit and apply batch by batch at large d, against itself at half of d or of n.

There is no peer for the memory and time that this takes; what the rows show is the growth. The ratio is the smaller
run's time over the larger one's, and the note has the growth itself. Doubling d makes the statistics four times and the
eigendecomposition eight times as dear; doubling n doubles the statistics alone. Rows are drawn on the fly, so that
nothing but a batch of them exists. The largest run, d = 8,192 with k = 64, has to fit in 8 GB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .measuring import measure
from .registry import Settings
from .rows import Row
from .works import Side, Work

if TYPE_CHECKING:
    from .works import Arrays

BATCH = 2048
PLOTS = Path(__file__).with_name("plots")


class Size(NamedTuple):
    """Width, label columns and rows."""

    d: int
    k: int
    n: int

    def __str__(self) -> str:
        return f"d={self.d} k={self.k} n={self.n}"


def rows(settings: Settings) -> list[Row]:
    """Measure, and draw the growth where matplotlib is there."""
    found = measure(__name__, works(settings.small), settings)
    if not settings.small:
        _plot(found)
    return found


def works(small: bool) -> list[Work]:
    """Twice the width and twice the rows: what was measured, against half of it."""
    if small:
        return [_work(Size(64, 2, 512), Size(32, 2, 512))]
    n = 16_384
    wider = [_work(Size(d, k, n), Size(d // 2, k, n)) for d, k in ((2048, 2), (4096, 2), (8192, 2), (8192, 64))]
    return [*wider, _work(Size(4096, 2, 2 * n), Size(4096, 2, n))]


def _work(size: Size, half: Size) -> Work:
    return Work(
        f"leace-stream {size}",
        f"itself at {half}",
        Side(partial(_prepare, size), _fit_and_apply, _report),
        Side(partial(_prepare, half), _fit_and_apply, _report),
        partial(_agreement, size),
        repetitions=1 if size.d >= 4096 else 3,
    )


def _prepare(size: Size, _: Path) -> Size:
    _fit_and_apply(Size(16, 2, 64))  # the libraries' own first calls
    return size


def _fit_and_apply(size: Size) -> float:
    """Fit on all rows, then edit them all, batch by batch; the largest covariance that is left, relative."""
    import torch

    from interpmark.methods.erasers.leace import LeaceFitter

    fitter = LeaceFitter(size.d, size.k)
    for x, z in _batches(size):
        fitter.update(x, z)
    eraser = fitter.eraser
    moments = torch.zeros(2, size.d, size.k)
    for x, z in _batches(size):
        label = torch.nn.functional.one_hot(z, size.k).float() - 1 / size.k
        moments += torch.stack([x.T @ label, eraser(x).T @ label])
    return float(moments[1].abs().max() / moments[0].abs().max())


def _batches(size: Size) -> Iterator[tuple[Any, Any]]:
    """The same rows each time: float32 activations and their classes, all classes equally often."""
    import torch

    generator = torch.Generator().manual_seed(0)
    scale = torch.logspace(1, -1, size.d)
    means = torch.randn(size.k, size.d, generator=generator)
    for start in range(0, size.n, BATCH):
        z = torch.arange(start, min(start + BATCH, size.n)) % size.k
        yield (torch.randn(len(z), size.d, generator=generator) + means[z]) * scale, z


def _report(size: Size, left: float) -> Arrays:
    import numpy as np

    return {"left": np.array(left)}


def _agreement(size: Size, ours: Arrays, theirs: Arrays) -> str:
    return f"covariance left {float(ours['left']):.0e} of what it was (float32 rows)"


def _plot(found: Sequence[Row]) -> None:
    """Time and memory against d, for each k, on logarithmic axes."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return
    points = _points(found)
    if not points:
        return
    figure = Figure(figsize=(7, 3), layout="constrained")
    for axes, column, label in zip(figure.subplots(1, 2), (0, 1), ("seconds", "peak MiB"), strict=True):
        for k, n in sorted({(size.k, size.n) for size in points}):
            own = sorted(size for size in points if (size.k, size.n) == (k, n))
            axes.plot([size.d for size in own], [points[size][column] for size in own], "o-", label=f"k={k} n={n:,}")
        axes.set(xscale="log", yscale="log", xlabel="d", ylabel=label)
        axes.legend(fontsize=7)
    PLOTS.mkdir(exist_ok=True)
    figure.savefig(PLOTS / "leace-stream.svg")


def _points(found: Sequence[Row]) -> dict[Size, tuple[float, float]]:
    """Seconds and MiB of every size that was run, by the rows' names."""
    points: dict[Size, tuple[float, float]] = {}
    for row in found:
        for name, seconds, memory in ((row.work, row.ours_s, row.ours_mb), (row.peer, row.peer_s, row.peer_mb)):
            if seconds is not None and memory is not None:
                numbers = [int(part.split("=")[1]) for part in name.split()[-3:]]
                points[Size(*numbers)] = (seconds, memory)
    return points
