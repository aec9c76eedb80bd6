"""R-LACE of rank 1 on n = 2,000 rows of d = 576, against the published loop (`rlace_loop`).

The published loop takes 50,000 steps, which is some twenty minutes on one core, so by default only its first 500 are
run: the seconds and the ratio are of those, and all steps take a hundred times as long. The edits of such a start say
nothing. For all steps, and for the residual accuracies that belong to the comparison:

    python -m benchmarks --only rlace --work whole

Both sides get the same rows, centred and of mean variance one a feature. The accuracies are the suite's measure: the
strongest of its adversaries, trained on rows of other names and with the edit's own rows, scored on the test names.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .gender_rows import Rows, read_rows, some, write_rows, write_small_rows
from .measuring import measure
from .registry import Settings
from .rows import Row
from .works import Side, Work

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .works import Arrays

RANK, N, FEW, ALL = 1, 2000, 500, 50_000


def rows(settings: Settings) -> list[Row]:
    """Measure: the first steps unless others are asked for."""
    return measure(__name__, works(settings.small), settings if settings.works else replace(settings, works=("first",)))


def works(small: bool) -> list[Work]:
    """The peer's first steps, and all of them."""
    few, whole, n = (20, 1000, 120) if small else (FEW, ALL, N)
    return [
        _work(f"rlace rank={RANK} n={n}, the peer's first {few} of {ALL} steps", small, n, few, repetitions=3),
        _work(f"rlace rank={RANK} n={n}, the whole loop of {whole} steps", small, n, whole, repetitions=1),
    ]


def _work(name: str, small: bool, n: int, steps: int, repetitions: int) -> Work:
    return Work(
        name,
        "published loop",
        Side(partial(_prepare_ours, n), _ours, partial(_report, n)),
        Side(partial(_prepare_theirs, n), partial(_theirs, steps), partial(_report, n)),
        _agreement,
        _write_small if small else _write,
        repetitions,
    )


def _write(folder: Path) -> None:
    write_rows(folder)
    write_rows(folder, splits=("test",), file="test.npz")


def _write_small(folder: Path) -> None:
    write_small_rows(folder)
    write_small_rows(folder, seed=1, file="test.npz")


def _fit_rows(given: Rows, n: int) -> NDArray[np.int64]:
    """The first n / 2 rows of each class: all of `fit` and a part of `probe`."""
    import numpy as np

    return np.sort(np.concatenate([np.flatnonzero(given.z == label)[: n // 2] for label in (0, 1)]))


def _prepare_ours(n: int, folder: Path) -> Any:
    import torch

    from interpmark.methods import get_method

    given = read_rows(folder)
    kept = _fit_rows(given, n)
    x, z = torch.from_numpy(given.x[kept]), torch.from_numpy(given.z[kept])
    few = some(len(x))
    get_method("rlace").build().fit(x[few, :8], z[few], seed=0)  # the libraries' own first call
    return folder, (x, z)


def _ours(ready: Any) -> Any:
    from interpmark.methods import get_method

    return get_method(f"rlace(rank={RANK})").build().fit(*ready[1], seed=0).write.numpy()


def _prepare_theirs(n: int, folder: Path) -> Any:
    import torch

    from .rlace_loop import PublishedLoop, scaled

    given = read_rows(folder)
    kept = _fit_rows(given, n)
    x, z = scaled(given.x[kept]), torch.from_numpy(given.z[kept]).float()
    few = some(len(x))
    PublishedLoop(x[few, :8], z[few], 1, torch.Generator().manual_seed(0)).run(2)
    return folder, (x, z)


def _theirs(steps: int, ready: Any) -> Any:
    import torch

    from .rlace_loop import PublishedLoop

    loop = PublishedLoop(*ready[1], RANK, torch.Generator().manual_seed(0))
    return loop.run(steps).double().numpy()


def _report(n: int, ready: Any, basis: Any) -> Arrays:
    """The basis, and what the suite's adversaries read after it is projected out: accuracy, low, high."""
    import numpy as np

    return {"basis": basis, "accuracy": np.array(residual_accuracy(ready[0], n, basis))}


def residual_accuracy(folder: Path, n: int, basis: NDArray[np.float64]) -> tuple[float, float, float]:
    """Residual accuracy on the test names, and its interval."""
    import numpy as np
    import torch

    from interpmark.methods import AffineEdit
    from interpmark.suite.ground import Split
    from interpmark.suite.measures import residual_accuracy as measured

    given, test = read_rows(folder), read_rows(folder, "test.npz")
    kept = _fit_rows(given, n)
    others = np.setdiff1d(np.arange(len(given.x)), kept)
    edit = AffineEdit(torch.from_numpy(basis), torch.from_numpy(basis), torch.from_numpy(given.x[kept].mean(0)))

    def split(rows: Rows, which: NDArray[np.int64], edited: bool = True) -> Split:
        x = torch.from_numpy(rows.x[which])
        return Split(edit(x) if edited else x, torch.from_numpy(rows.z[which]), rows.groups[which])

    splits = {"fit": split(given, kept), "probe": split(given, others), "test": split(test, np.arange(len(test.x)))}
    estimate = measured(splits, split(given, kept, edited=False))[0][0]
    assert estimate.value is not None and estimate.low is not None and estimate.high is not None, estimate.reason
    return estimate.value, estimate.low, estimate.high


def _agreement(ours: Arrays, theirs: Arrays) -> str:
    import numpy as np

    cosine = float(np.abs(ours["basis"].T @ theirs["basis"]).max())
    mine, other = ("{:.3f} [{:.3f}, {:.3f}]".format(*side["accuracy"]) for side in (ours, theirs))
    return f"residual accuracy {mine}, the peer's {other}; cosine of the directions {cosine:.3f}"
