"""INLP of rank 16 on n = 2,000 rows of d = 576, against a loop over scikit-learn's LogisticRegression.

Both minimise the same objective on the same rows: centred, scaled to a mean variance of one a feature, C = 1 / (n
weight_decay), intercept free. scikit-learn's solver runs until its tolerance of 1e-8; with its default of 1e-4 the
sixteenth direction has little to do with the optimum's.
"""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .gender_rows import Rows, read_rows, some, write_rows, write_small_rows
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
    """The one work."""
    rank = 2 if small else RANK
    return [
        Work(
            f"inlp rank={rank} n={160 if small else N}",
            "scikit-learn LogisticRegression (lbfgs) loop",
            Side(_prepare_ours, partial(_ours, rank), lambda _, edit: {"basis": edit.write.numpy()}),
            Side(_prepare_theirs, partial(_theirs, rank), _report_theirs),
            _agreement,
            write_small_rows if small else partial(write_rows, n=N),
        )
    ]


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
    LogisticRegression().fit(given.x[few, :8], given.z[few])
    return given


def _theirs(rank: int, given: Rows) -> list[Any]:
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    x = _scaled(given)
    models, basis = [], np.zeros((x.shape[1], 0))
    for _ in range(rank):
        model = LogisticRegression(C=1 / (len(x) * WEIGHT_DECAY), tol=TOLERANCE, max_iter=100_000)
        with warnings.catch_warnings():
            # A line search that can go no further is a solver at the end of its digits.
            warnings.simplefilter("ignore")
            model.fit(x, given.z)
        direction = _direction(model, basis)
        basis = np.column_stack([basis, direction])
        x -= np.outer(x @ direction, direction)
        models.append(model)
    return models


def _scaled(given: Rows) -> NDArray[np.float64]:
    import numpy as np

    x: NDArray[np.float64] = given.x - given.x.mean(0)
    x /= np.sqrt(np.square(x).mean())
    return x


def _direction(model: Any, basis: NDArray[np.float64]) -> NDArray[np.float64]:
    import numpy as np

    new: NDArray[np.float64] = model.coef_[0] - basis @ (basis.T @ model.coef_[0])
    return new / np.linalg.norm(new)


def _report_theirs(given: Rows, models: list[Any]) -> Arrays:
    """The basis, and the largest component of each round's gradient: how converged the peer is."""
    import numpy as np

    x, gradients = _scaled(given), []
    basis = np.zeros((x.shape[1], 0))
    for model in models:
        miss = model.predict_proba(x)[:, 1] - given.z
        gradients.append(np.abs(x.T @ miss / len(x) + WEIGHT_DECAY * model.coef_[0]).max())
        direction = _direction(model, basis)
        basis = np.column_stack([basis, direction])
        x -= np.outer(x @ direction, direction)
    return {"basis": basis, "gradient": np.array(gradients)}


def _agreement(ours: Arrays, theirs: Arrays) -> str:
    sine = largest_sine(ours["basis"], theirs["basis"])
    equal = "spans agree to 1e-3" if sine <= 1e-3 else "spans differ"
    return f"{equal} (largest principal angle {sine:.1e}); peer's gradients at most {theirs['gradient'].max():.0e}"
