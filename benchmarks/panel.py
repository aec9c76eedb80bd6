"""The adversary panel on n = 2,200 rows of d = 576, against the same panel of scikit-learn's estimators.

Two training sets (`probe`, and `fit` with it), and on each: logistic regression with the strength chosen out of five on
held-out entities, discriminant analysis with oracle approximating shrinkage, and ridge classification with its
strength chosen likewise. The peer holds out the same entities, starts each strength from the one before, and refits at
the chosen one on all rows. It does not calibrate its log-loss, and chooses by the plain held-out one.

The objective is compared apart, untimed: both sides' optimum of the penalised cross-entropy on all rows, at each of the
five strengths, in the same coordinates (features standardised; a rotation changes no optimum).
"""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .gender_rows import read_rows, some, write_rows, write_small_rows
from .measuring import measure
from .registry import Settings
from .rows import Row
from .works import Side, Work

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .works import Arrays

PEER_TOLERANCE = 1e-7
"""Largest component of the gradient at the peer's refit; what our own refit is held to."""


def rows(settings: Settings) -> list[Row]:
    """Measure."""
    return measure(__name__, works(settings.small), settings)


def works(small: bool) -> list[Work]:
    """The panel on unedited rows and on rows that LEACE has edited."""
    return [
        Work(
            f"panel n={160 if small else 2200} {kind}",
            "scikit-learn LogisticRegression path, LinearDiscriminantAnalysis, Ridge",
            Side(partial(_prepare_ours, kind), _ours, _report_ours),
            Side(partial(_prepare_theirs, kind), _theirs, _report_theirs),
            _agreement,
            write_small_rows if small else write_rows,
        )
        for kind in ("unedited", "after leace")
    ]


def _splits(kind: str, folder: Path) -> Any:
    """`fit` and `probe`, edited if asked for."""
    import torch

    from interpmark.methods import get_method
    from interpmark.suite.ground import Split

    given = read_rows(folder)
    x, z, fit = torch.from_numpy(given.x), torch.from_numpy(given.z), slice(given.n_fit)
    if kind == "after leace":
        x = get_method("leace").build().fit(x[fit], z[fit], seed=0)(x)
    parts = {"fit": fit, "probe": slice(given.n_fit, None)}
    return {name: Split(x[part], z[part], given.groups[part]) for name, part in parts.items()}


def _prepare_ours(kind: str, folder: Path) -> Any:
    from interpmark.suite.ground import Split
    from interpmark.suite.measures.adversaries import fit_panel

    splits = _splits(kind, folder)
    few = {}
    for name, split in splits.items():
        spread = some(len(split))
        few[name] = Split(split.x[spread, :8], split.z[spread], split.groups[spread])
    fit_panel(few, 0)  # the libraries' own first calls
    return splits


def _ours(splits: Any) -> Any:
    from interpmark.suite.measures.adversaries import fit_panel

    return fit_panel(splits, 0)


def _report_ours(splits: Any, _: Any) -> Arrays:
    import numpy as np

    from interpmark.suite.measures.inputs import join
    from interpmark.suite.measures.logistic import fit_logistic
    from interpmark.suite.measures.readout import STRENGTHS
    from interpmark.suite.measures.training import training_set

    made = training_set(join(splits["fit"], splits["probe"]), 0)
    fits = [fit_logistic(made.design, made.z, 2, strength, moments=made.moments) for strength in STRENGTHS]
    return {"objective": np.array([fit.objective for fit in fits])}


def _prepare_theirs(kind: str, folder: Path) -> Any:
    """Both training sets as arrays, with the rows to hold out."""
    from interpmark.suite.measures.inputs import join
    from interpmark.suite.measures.training import training_set

    splits = _splits(kind, folder)
    sets = [
        (split.x.numpy(), split.z.numpy(), training_set(split, 0).held_out.numpy())
        for split in (splits["probe"], join(splits["fit"], splits["probe"]))
    ]
    x, z, held_out = sets[0]
    few = some(len(x))
    _attack(x[few, :8], z[few], held_out[few])
    return sets


def _theirs(sets: Any) -> list[Any]:
    return [_attack(x, z, held_out) for x, z, held_out in sets]


def _attack(x: NDArray[np.float64], z: NDArray[np.int64], held_out: NDArray[np.bool_]) -> list[Any]:
    from sklearn.covariance import OAS
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.preprocessing import StandardScaler

    x = StandardScaler().fit_transform(x)
    lda = LinearDiscriminantAnalysis(solver="lsqr", covariance_estimator=OAS())
    return [_logistic(x, z, held_out), lda.fit(x, z), _ridge(x, z, held_out)]


def _logistic(x: NDArray[np.float64], z: NDArray[np.int64], held_out: NDArray[np.bool_]) -> Any:
    from sklearn.metrics import log_loss

    from interpmark.suite.measures.readout import STRENGTHS

    part = ~held_out
    model, losses = _model(1e-4, warm_start=True), []
    for strength in STRENGTHS:
        model.set_params(C=1 / (part.sum() * strength))
        _fit(model, x[part], z[part])
        losses.append(log_loss(z[held_out], model.predict_proba(x[held_out])))
    best = STRENGTHS[min(range(len(losses)), key=losses.__getitem__)]
    return _fit(_model(PEER_TOLERANCE).set_params(C=1 / (len(x) * best)), x, z)


def _ridge(x: NDArray[np.float64], z: NDArray[np.int64], held_out: NDArray[np.bool_]) -> Any:
    import numpy as np
    from sklearn.linear_model import Ridge

    from interpmark.suite.measures.readout import STRENGTHS

    part = ~held_out

    def error(strength: float) -> float:
        model = Ridge(alpha=part.sum() * strength).fit(x[part], z[part])
        return float(np.square(model.predict(x[held_out]) - z[held_out]).mean())

    return Ridge(alpha=len(x) * min(STRENGTHS, key=error)).fit(x, z)


def _model(tolerance: float, warm_start: bool = False) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(tol=tolerance, max_iter=100_000, warm_start=warm_start)


def _fit(model: Any, x: NDArray[np.float64], z: NDArray[np.int64]) -> Any:
    with warnings.catch_warnings():
        # A line search that can go no further is a solver at the end of its digits.
        warnings.simplefilter("ignore")
        return model.fit(x, z)


def _report_theirs(sets: Any, _: Any) -> Arrays:
    import numpy as np
    from sklearn.preprocessing import StandardScaler

    from interpmark.suite.measures.readout import STRENGTHS

    x, z, _ = sets[1]
    x = StandardScaler().fit_transform(x)
    found = []
    for strength in STRENGTHS:
        model = _fit(_model(PEER_TOLERANCE).set_params(C=1 / (len(x) * strength)), x, z)
        margin = (2 * z - 1) * model.decision_function(x)
        found.append(np.logaddexp(0, -margin).mean() + strength / 2 * np.square(model.coef_).sum())
    return {"objective": np.array(found)}


def _agreement(ours: Arrays, theirs: Arrays) -> str:
    excess = ours["objective"] - theirs["objective"]
    return f"objectives of five strengths differ by {abs(excess).max():.0e} nats (ours at most {excess.max():+.0e})"
