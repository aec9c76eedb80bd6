"""Discriminant analysis and least squares agree with scikit-learn's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.covariance import OAS
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge, RidgeClassifier

from interpmark.suite.measures.discriminant import fit_discriminant, oracle_approximating_shrinkage
from interpmark.suite.measures.least_squares import fit_least_squares, fit_ridge
from interpmark.suite.measures.training import TrainingSet, training_set


def standardised(rows: TrainingSet, x: torch.Tensor) -> np.ndarray:
    return ((x - rows.coordinates.mean) * rows.coordinates.inverse_scale).numpy()


def classes_of(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    classes, place = torch.unique(z, return_inverse=True)
    return place, classes


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("d", [24, 150, 500], ids=["tall", "about square", "wide"])
def test_discriminant_agrees_with_scikit_learn(make_splits: Callable, d: int, n_classes: int) -> None:
    splits = make_splits(d=d, n_classes=n_classes, rows=(160, 80, 200), distance=2.0)
    rows = training_set(splits["fit"], 0)
    ours = fit_discriminant(rows, *classes_of(splits["fit"].z))
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=ours.strength)
    theirs.fit(standardised(rows, splits["fit"].x), splits["fit"].z.numpy())
    test = splits["test"].x
    scores = rows.coordinates(test) @ ours.weight
    expected = theirs.decision_function(standardised(rows, test)).reshape(len(test), -1)
    got = (scores[:, 1:] - scores[:, :1]).numpy() if n_classes == 2 else scores.numpy()
    # scikit-learn's pooled covariance has the same 1/n as ours; a constant offset per row does not matter.
    assert got - got.mean(axis=1, keepdims=n_classes > 2) * (n_classes > 2) == pytest.approx(
        expected - expected.mean(axis=1, keepdims=n_classes > 2) * (n_classes > 2), rel=1e-6, abs=1e-6
    )


def test_shrinkage_is_oracle_approximating() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 20)) * np.linspace(0.2, 3, 20)
    x -= x.mean(axis=0)
    covariance = x.T @ x / 60
    trace, square = np.trace(covariance), (covariance**2).sum()
    formula = ((1 - 2 / 20) * square + trace**2) / ((60 + 1 - 2 / 20) * (square - trace**2 / 20))
    ours = oracle_approximating_shrinkage(torch.from_numpy(covariance), 60, 20)
    assert ours == pytest.approx(formula, rel=1e-12)
    # scikit-learn drops the terms in 2 / p.
    assert ours == pytest.approx(OAS().fit(x).shrinkage_, rel=0.03)


def test_shrinkage_of_an_isotropic_or_empty_covariance_is_one() -> None:
    assert oracle_approximating_shrinkage(torch.eye(16, dtype=torch.float64), 100, 16) == 1.0
    assert oracle_approximating_shrinkage(torch.zeros(0, 0, dtype=torch.float64), 100, 0) == 1.0


@pytest.mark.parametrize("d", [24, 500])
def test_ridge_agrees_with_scikit_learn(make_splits: Callable, d: int) -> None:
    splits = make_splits(d=d, rows=(160, 80, 200))
    rows = training_set(splits["fit"], 0)
    targets = splits["fit"].x[:, :2] + splits["fit"].z[:, None]
    weight, strength = fit_ridge(rows, targets)
    theirs = Ridge(alpha=strength * len(targets)).fit(standardised(rows, splits["fit"].x), targets.numpy())
    got = (rows.coordinates(splits["test"].x) @ weight).numpy()
    assert got == pytest.approx(theirs.predict(standardised(rows, splits["test"].x)), abs=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_least_squares_classifies_as_scikit_learn_does(make_splits: Callable, n_classes: int) -> None:
    splits = make_splits(n_classes=n_classes, distance=1.5, rows=(400, 80, 800))
    rows = training_set(splits["fit"], 0)
    ours = fit_least_squares(rows, *classes_of(splits["fit"].z))
    theirs = RidgeClassifier(alpha=ours.strength * 400).fit(
        standardised(rows, splits["fit"].x), splits["fit"].z.numpy()
    )
    expected = theirs.predict(standardised(rows, splits["test"].x))
    assert (ours.predict(rows.coordinates(splits["test"].x)).numpy() == expected).all()
    assert 0.5 < float((splits["test"].z.numpy() == expected).mean()) < 0.95
