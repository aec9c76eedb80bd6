"""INLP of rank 16 on n = 2,000 rows of d = 576, against a loop over scikit-learn's LogisticRegression.

Once with the two classes of gender, one direction a round, and once with ten Gaussian classes, each against the rest,
ten directions a round.

Both minimise the same objective on the same rows: centred, scaled to a mean variance of one a feature, C = 1 / (n
weight_decay), intercept free. scikit-learn's solver runs until its tolerance of 1e-8; with its default of 1e-4 the
sixteenth direction has little to do with the optimum's.
"""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .gender_rows import Rows, read_rows, some, write_arrays, write_rows, write_small_rows
from .measuring import measure
from .registry import Settings
from .rows import Row
from .spans import largest_sine
from .works import Side, Work

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .works import Arrays

RANK, N, WEIGHT_DECAY, TOLERANCE = 16, 2000, 1e-3, 1e-8


def rows(settings: Settings) -> list[Row]:
    """Measure."""
    return measure(__name__, works(settings.small), settings)


def works(small: bool) -> list[Work]:
    """Two classes, and ten."""
    rank, n = (2, 160) if small else (RANK, N)
    data = {
        "2 classes": write_small_rows if small else partial(write_rows, n=N),
        "10 classes": partial(_write_classes, n, 24 if small else 576),
    }
    return [
        Work(
            f"inlp rank={rank} n={n} {classes}",
            "scikit-learn LogisticRegression (lbfgs) loop",
            Side(_prepare_ours, partial(_ours, rank), lambda _, edit: {"basis": edit.write.numpy()}),
            Side(_prepare_theirs, partial(_theirs, rank), _report_theirs),
            _agreement,
            write,
        )
        for classes, write in data.items()
    ]


def _write_classes(n: int, d: int, folder: Path) -> None:
    """Write n rows of ten Gaussian classes, of deviations from 10 to 0.1 along the axes of a random basis."""
    import numpy as np

    rng = np.random.default_rng(0)
    z = np.arange(n) % 10
    x = rng.normal(size=(n, d)) * np.logspace(1, -1, d) + 2 * rng.normal(size=(10, d))[z]
    axes = np.linalg.qr(rng.normal(size=(d, d)))[0]
    write_arrays(folder, x @ axes, z, z, n)


def _prepare_ours(folder: Path) -> Any:
    import torch

    from interpmark.methods import get_method

    given = read_rows(folder)
    x, z = torch.from_numpy(given.x), torch.from_numpy(given.z)
    few = some(len(x))
    get_method("inlp").build().fit(x[few, :8], z[few], seed=0)  # the libraries' own first call
    return x, z


def _ours(rank: int, ready: Any) -> Any:
    from interpmark.methods import get_method

    return get_method(f"inlp(rank={rank}, weight_decay={WEIGHT_DECAY})").build().fit(*ready, seed=0)


def _prepare_theirs(folder: Path) -> Rows:
    from sklearn.linear_model import LogisticRegression

    given = read_rows(folder)
    few = some(len(given.x))
    LogisticRegression(max_iter=10_000).fit(given.x[few, :8], given.z[few])
    return given


def _theirs(rank: int, given: Rows) -> Any:
    """The basis `[d, rank]`, and the largest component of each classifier's gradient: how converged it is."""
    import numpy as np

    x = _scaled(given)
    basis, gradients = np.zeros((x.shape[1], 0)), []
    while basis.shape[1] < rank:
        classifiers = [_classifier(x, given.z == one) for one in _told_apart(given.z)]
        weights = np.stack([w for w, _ in classifiers], axis=1)
        new = np.linalg.svd(weights - basis @ (basis.T @ weights), full_matrices=False)[0][:, : rank - basis.shape[1]]
        basis = np.column_stack([basis, new])
        x -= (x @ new) @ new.T
        gradients += [gradient for _, gradient in classifiers]
    return basis, np.array(gradients)


def _told_apart(z: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    classes = np.unique(z)
    return classes[1:] if len(classes) == 2 else classes


def _classifier(x: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1 / (len(x) * WEIGHT_DECAY), tol=TOLERANCE, max_iter=100_000)
    with warnings.catch_warnings():
        # A line search that can go no further is a solver at the end of its digits.
        warnings.simplefilter("ignore")
        model.fit(x, positive)
    w: NDArray[np.float64] = model.coef_[0]
    miss = model.predict_proba(x)[:, 1] - positive
    return w, float(np.abs(x.T @ miss / len(x) + WEIGHT_DECAY * w).max())


def _scaled(given: Rows) -> NDArray[np.float64]:
    import numpy as np

    x: NDArray[np.float64] = given.x - given.x.mean(0)
    x /= np.sqrt(np.square(x).mean())
    return x


def _report_theirs(_: Any, found: Any) -> Arrays:
    basis, gradients = found
    return {"basis": basis, "gradient": gradients}


def _agreement(ours: Arrays, theirs: Arrays) -> str:
    sine = largest_sine(ours["basis"], theirs["basis"])
    equal = "spans agree to 1e-3" if sine <= 1e-3 else "spans differ"
    return f"{equal} (largest principal angle {sine:.1e}); peer's gradients at most {theirs['gradient'].max():.0e}"
