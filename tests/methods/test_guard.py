"""Every eraser that claims it leaves no linear information on its fit data, whatever the labels' units and rarity."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from interpmark.methods import DEFAULT_METHODS, get_method

Data = tuple[Tensor, Tensor]
GUARDS = [spec for spec in (*DEFAULT_METHODS, "leace(affine=False)") if "guards-linearly" in get_method(spec).claims]
REAL_LABEL_GUARDS = [spec for spec in GUARDS if "continuous" in get_method(spec).info.supports]


def gap_left(spec: str, x: Tensor, fit_z: Tensor, classes: Tensor) -> float:
    """Return the longest deviation of a class mean after the edit, over the longest before."""
    edit = get_method(spec).build().fit(x.double(), fit_z, seed=0)
    edited = edit(x.double(), fit_z)

    def deviation(rows: Tensor) -> float:
        return max(float((rows[classes == c].mean(0) - rows.mean(0)).norm()) for c in classes.unique())

    return deviation(edited) / deviation(x.double())


def rare_class(make_gaussian: Callable[..., Data], share: float) -> Data:
    x, _ = make_gaussian(4000, 24, 1)
    z = torch.zeros(4000, dtype=torch.int64)
    z[: int(4000 * share)] = 1
    return x + z[:, None] * 2.8, z


@pytest.mark.parametrize("spec", GUARDS)
class TestClasses:
    def test_two_classes(self, spec: str, binary: Data) -> None:
        assert gap_left(spec, *binary, binary[1]) < 1e-8

    def test_five_classes(self, spec: str, multiclass: Data) -> None:
        assert gap_left(spec, *multiclass, multiclass[1]) < 1e-8

    def test_one_row_in_a_thousand(self, spec: str, make_gaussian: Callable[..., Data]) -> None:
        x, z = rare_class(make_gaussian, 0.001)
        assert gap_left(spec, x, z, z) < 1e-8

    def test_two_hundred_classes(self, spec: str, make_gaussian: Callable[..., Data]) -> None:
        x, _ = make_gaussian(2000, 224, 1)
        z = torch.arange(2000) % 200
        means = torch.randn(200, 224, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        assert gap_left(spec, x + means[z], z, z) < 1e-8

    def test_missing_class(self, spec: str, multiclass: Data) -> None:
        x, z = multiclass
        x, z = x[z != 2], z[z != 2]
        assert gap_left(spec, x, z, z) < 1e-8

    def test_fewer_rows_than_features(self, spec: str, make_gaussian: Callable[..., Data]) -> None:
        x, z = make_gaussian(60, 96, 3)
        assert gap_left(spec, x, z, z) < 1e-8

    def test_outlier_feature_in_float32(self, spec: str, make_gaussian: Callable[..., Data]) -> None:
        x, z = make_gaussian(1200, 512, 2)
        x[:, 7] = 1000.0 + 300.0 * torch.randn(1200, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        assert gap_left(spec, x.float(), z, z) < 1e-8

    def test_duplicate_and_constant_features(self, spec: str, binary: Data) -> None:
        x, z = binary
        x = torch.cat([x, x[:, :3], torch.full((len(x), 2), 0.1, dtype=torch.float64)], dim=1)
        assert gap_left(spec, x, z, z) < 1e-8


@pytest.mark.parametrize("spec", REAL_LABEL_GUARDS)
class TestRealLabels:
    @pytest.mark.parametrize("unit", [1.0, 0.01, 1e-6, 1e6])
    def test_unit_of_the_label_does_not_matter(self, spec: str, binary: Data, unit: float) -> None:
        x, z = binary
        assert gap_left(spec, x, (z.double() * unit)[:, None], z) < 1e-8

    def test_one_dimensional_labels(self, spec: str, binary: Data) -> None:
        x, z = binary
        edit = get_method(spec).build().fit(x, z.double()[:, None] * 3 + 1, seed=0)
        edited = edit(x, z.double()[:, None] * 3 + 1)
        assert float((edited[z == 1].mean(0) - edited[z == 0].mean(0)).norm()) < 1e-8

    def test_redundant_and_constant_columns(self, spec: str, multiclass: Data) -> None:
        x, z = multiclass
        one_hot = torch.nn.functional.one_hot(z).double()
        labels = torch.cat([one_hot, one_hot[:, :2] * 7, torch.full((len(x), 1), 0.3, dtype=torch.float64)], dim=1)
        assert gap_left(spec, x, labels, z) < 1e-8

    def test_several_numbers(self, spec: str, continuous: Data) -> None:
        x, z = continuous
        edited = get_method(spec).build().fit(x, z, seed=0)(x, z)
        correlations = torch.corrcoef(torch.cat([edited, z], dim=1).T)[:24, 24:]
        # a feature that full ablation made constant has no correlation
        assert float(correlations.nan_to_num().abs().max()) < 1e-8 or get_method(spec).name == "full-ablation"
        covariance = (edited - edited.mean(0)).T @ ((z - z.mean(0)) / z.std(0)) / len(x)
        assert float(covariance.abs().max()) < 1e-8


@pytest.mark.parametrize("spec", [s for s in DEFAULT_METHODS if s not in GUARDS])
def test_the_others_leave_a_gap(spec: str, binary: Data) -> None:
    """So that the guards' zeros are not an artefact of how the gap is measured."""
    assert gap_left(spec, *binary, binary[1]) > 1e-3


@pytest.mark.parametrize("spec", ["leace", "leace(affine=False)", "oracle-leace"])
def test_features_of_very_different_size(spec: str, make_gaussian: Callable[..., Data]) -> None:
    """Each feature is guarded relative to itself, next to one whose variance is 10^18 times as large."""
    x, z = make_gaussian(800, 12, 2)
    x = x * torch.logspace(-4, 5, 12, dtype=torch.float64)
    edited = get_method(spec).build().fit(x, z, seed=0)(x, z)
    gaps = [(rows[z == 1].mean(0) - rows[z == 0].mean(0)).abs() for rows in (edited, x)]
    assert float((gaps[0] / gaps[1]).max()) < 1e-8
