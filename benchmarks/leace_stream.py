"""Streaming LEACE: fit and apply batch by batch at large d, against itself at a smaller d or n.

There is no peer for the memory and time that this takes; what the rows show is the growth. The ratio is the smaller
run's time over the larger one's: its inverse is the growth. Doubling d makes the statistics four times and the
eigendecomposition eight times as dear; doubling n doubles the statistics alone. Rows are drawn on the fly, so that
nothing but a batch of them exists. The largest run, d = 8,192 with k = 64, has to fit in 8 GB.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .drawing import new_figure, save, write_table
from .measuring import measure
from .registry import Settings
from .rows import Row
from .works import Side, Work

if TYPE_CHECKING:
    from .works import Arrays

BATCH = 2048


class Size(NamedTuple):
    """Width, label columns and rows."""

    d: int
    k: int
    n: int

    def __str__(self) -> str:
        return f"d={self.d} k={self.k} n={self.n}"


def rows(settings: Settings) -> list[Row]:
    """Measure."""
    return measure(__name__, works(settings.small), settings)


def works(small: bool) -> list[Work]:
    """Twice the width, and two and four times the rows: what was measured, against the smaller one."""
    if small:
        return [_work(Size(64, 2, 512), Size(32, 2, 512))]
    n = 16_384
    wider = [
        _work(Size(d, k, n), Size(d // 2, k, n)) for d, k in ((2048, 2), (4096, 2), (8192, 2), (2048, 64), (8192, 64))
    ]
    longer = [_work(Size(2048, 2, 4 * m), Size(2048, 2, m)) for m in (n, 4 * n)]
    return [*wider, _work(Size(4096, 2, 2 * n), Size(4096, 2, n)), *longer]


def _work(size: Size, smaller: Size) -> Work:
    return Work(
        f"leace-stream {size}",
        f"itself at {smaller}",
        Side(partial(_prepare, size), _fit_and_apply, _report),
        Side(partial(_prepare, smaller), _fit_and_apply, _report),
        partial(_agreement, size),
        repetitions=1 if size.d >= 4096 or size.n > 16_384 else 3,
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


def draw(found: Sequence[Row], folder: Path) -> None:
    """Write leace-stream.csv and leace-stream.png: seconds and MiB against d for each k, and against n for each d."""
    points = _points(found)
    lines = [(*size, *values) for size, values in sorted(points.items())]
    write_table(folder / "leace-stream.csv", ("d", "k", "n", "seconds", "peak_mb"), lines)
    figure = new_figure(7, 5)
    if figure is None:
        return
    panels = figure.subplots(2, 2, sharex="col")
    for column, (axis, fixed) in enumerate((("d", ("k", "n")), ("n", ("d", "k")))):
        panels[1, column].set_xlabel(axis)
        for row, label in enumerate(("seconds", "peak MiB")):
            panel = panels[row, column]
            panel.set(xscale="log", yscale="log", ylabel=label)
            for name, own in _curves(points, axis, fixed).items():
                panel.plot([getattr(size, axis) for size in own], [points[size][row] for size in own], "o-", label=name)
                panel.legend(fontsize=7)
            panel.set_xticks(sorted({getattr(size, axis) for size in points}))
            panel.set_xticks([], minor=True)
            panel.xaxis.set_major_formatter("{x:,.0f}")
    save(figure, folder / "leace-stream.png")


def _curves(points: Iterable[Size], axis: str, fixed: tuple[str, str]) -> dict[str, list[Size]]:
    """The sizes of each curve along an axis by what stays fixed on it, those of a single point left out."""
    curves: dict[str, list[Size]] = {}
    for size in sorted(points):
        curves.setdefault(" ".join(f"{name}={getattr(size, name):,}" for name in fixed), []).append(size)
    return {name: own for name, own in curves.items() if len(own) > 1}


def _points(found: Sequence[Row]) -> dict[Size, tuple[float, float]]:
    """Seconds and MiB of every size that was run, by the rows' names."""
    points: dict[Size, tuple[float, float]] = {}
    for row in found:
        for name, seconds, memory in ((row.work, row.ours_s, row.ours_mb), (row.peer, row.peer_s, row.peer_mb)):
            if seconds is not None and memory is not None:
                numbers = [int(part.split("=")[1]) for part in name.split()[-3:]]
                points[Size(*numbers)] = (seconds, memory)
    return points
