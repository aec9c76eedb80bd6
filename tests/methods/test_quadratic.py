"""Quadratic LEACE: transport between Gaussians, equal class moments, and the edits that hold a map for each class."""

import math
from pathlib import Path

import pytest
import torch
from concept_erasure import QuadraticFitter as Reference
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from torch import Tensor

from interpmark.methods import Edit, EditError, FitError, get_method, load_edit, save_edit
from interpmark.methods.class_edits import ClassMapEdit, MapEdit
from interpmark.methods.transport import barycentre, transport

Data = tuple[Tensor, Tensor]


def covariance(d: int, seed: int, rank: int | None = None) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    factor = torch.randn(d, rank or d + 2, generator=generator, dtype=torch.float64)
    factor = factor * torch.logspace(-1, 1, d, dtype=torch.float64)[:, None]
    return factor @ factor.T / d


def differing(k: int, n: int = 900, d: int = 8, shares: tuple[float, ...] | None = None) -> Data:
    """Return k classes that differ in their means and in their covariances, of unequal size, far from the origin."""
    generator = torch.Generator().manual_seed(k)
    weights = torch.tensor(shares or [float(c + 1) for c in range(k)], dtype=torch.float64)
    z = torch.multinomial(weights, n, replacement=True, generator=generator)
    x = torch.randn(n, d, generator=generator, dtype=torch.float64)
    mixing = torch.randn(k, d, d, generator=generator, dtype=torch.float64)
    means = torch.randn(k, d, generator=generator, dtype=torch.float64)
    return torch.einsum("nd,nde->ne", x, mixing[z]) + means[z] + 5.0, z


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(0), (x - x.mean(0)).T @ (x - x.mean(0)) / len(x)


def fit(spec: str, x: Tensor, z: Tensor) -> Edit:
    edit = get_method(spec).build().fit(x, z, seed=0)
    assert isinstance(edit, Edit)
    return edit


class TestTransport:
    @given(seed=st.integers(0, 10**6), d=st.integers(1, 12))
    @settings(max_examples=30, deadline=None)
    def test_turns_one_covariance_into_the_other_and_is_positive(self, seed: int, d: int) -> None:
        a, b = covariance(d, seed), covariance(d, seed + 1)
        t = transport(a, b)
        torch.testing.assert_close(t @ a @ t, b, rtol=0, atol=1e-8 * float(b.norm()))
        torch.testing.assert_close(t, t.T, rtol=0, atol=1e-9 * float(t.norm()))
        assert float(torch.linalg.eigvalsh(t)[0]) > 0

    def test_no_other_map_moves_less(self) -> None:
        """Among the maps M with M A Mᵀ = B, which are T A^{½} Q A^{-½} for rotations Q."""
        a, b = covariance(6, 0), covariance(6, 1)
        t = transport(a, b)
        values, vectors = torch.linalg.eigh(a)
        root, inverse = ((vectors * values**power) @ vectors.T for power in (0.5, -0.5))

        def moved(m: Tensor) -> float:
            gap = m - torch.eye(6, dtype=torch.float64)
            return float((gap @ a @ gap.T).trace())

        generator = torch.Generator().manual_seed(0)
        for _ in range(20):
            q = torch.linalg.matrix_exp(
                0.3 * (g := torch.randn(6, 6, generator=generator, dtype=torch.float64)) - 0.3 * g.T
            )
            other = t @ root @ q @ inverse
            torch.testing.assert_close(other @ a @ other.T, b)
            assert moved(other) > moved(t)

    def test_beside_a_direction_of_large_variance(self) -> None:
        a, b = covariance(8, 0), covariance(8, 1)
        scale = torch.tensor([300.0] + [1.0] * 7, dtype=torch.float64)
        a = a * torch.outer(scale, scale)
        t = transport(a, b)
        torch.testing.assert_close(t @ a @ t, b, rtol=1e-6, atol=1e-8)

    def test_of_a_singular_source_stays_in_its_range(self) -> None:
        a, b = covariance(8, 0, rank=3), covariance(8, 1)
        t = transport(a, b)
        assert bool(t.isfinite().all())
        assert torch.linalg.matrix_rank(t, rtol=1e-9) == 3


class TestBarycentre:
    @given(seed=st.integers(0, 10**6), k=st.integers(2, 6))
    @example(seed=197449, k=3)  # ill-conditioned: the barycentre stands still before its maps do
    @settings(max_examples=15, deadline=None)
    def test_its_maps_to_the_covariances_average_to_the_identity(self, seed: int, k: int) -> None:
        """The gradient of the mean squared transport is zero."""
        generator = torch.Generator().manual_seed(seed)
        weights = torch.rand(k, generator=generator, dtype=torch.float64) + 0.1
        shares = (weights / weights.sum()).tolist()
        covariances = [covariance(5, seed + c) for c in range(k)]
        mean = barycentre(covariances, shares)
        average = sum(w * transport(mean, c) for w, c in zip(shares, covariances, strict=True))
        torch.testing.assert_close(average, torch.eye(5, dtype=torch.float64), rtol=0, atol=1e-5)

    def test_of_two_is_the_closed_form(self) -> None:
        a, b, w = covariance(7, 3), covariance(7, 4), 0.3
        t = w * torch.eye(7, dtype=torch.float64) + (1 - w) * transport(a, b)
        torch.testing.assert_close(barycentre([a, b], [w, 1 - w]), t @ a @ t, rtol=1e-8, atol=1e-10)

    def test_of_matrices_that_commute_is_the_squared_mean_of_their_roots(self) -> None:
        a, b = torch.diag(torch.tensor([1.0, 9.0]).double()), torch.diag(torch.tensor([4.0, 1.0]).double())
        torch.testing.assert_close(barycentre([a, b], [0.5, 0.5]).diagonal(), torch.tensor([2.25, 4.0]).double())


class TestOracle:
    @pytest.mark.parametrize("k", [2, 3, 5])
    def test_class_means_and_covariances_become_equal(self, k: int) -> None:
        x, z = differing(k)
        edited = fit("quadratic-leace", x, z)(x, z)
        found = [moments(edited[z == c]) for c in range(k)]
        before = [moments(x[z == c]) for c in range(k)]
        assert max(float((b[1] - before[0][1]).norm()) for b in before[1:]) > 1.0
        for mean, cov in found[1:]:
            torch.testing.assert_close(mean, found[0][0], rtol=0, atol=1e-10)
            torch.testing.assert_close(cov, found[0][1], rtol=0, atol=1e-8)

    def test_quadratic_readers_know_the_shares_and_nothing_else(self) -> None:
        """LEACE leaves QDA what it reads from covariances; after the quadratic eraser only the shares are left."""
        x, z = differing(2)
        shares = z.double().mean()
        entropy = float(-(shares * shares.log() + (1 - shares) * (1 - shares).log()))

        def loss(edited: Tensor) -> float:
            model = QuadraticDiscriminantAnalysis().fit(edited.numpy(), z.numpy())
            truth = torch.from_numpy(model.predict_log_proba(edited.numpy()))
            return float(-truth[torch.arange(len(z)), z].mean())

        assert loss(fit("quadratic-leace", x, z)(x, z)) == pytest.approx(entropy, abs=1e-8)
        # LEACE takes a dimension away, so its rows are read in the others
        edited = fit("leace", x, z)(x)
        axes = torch.linalg.svd(edited - edited.mean(0), full_matrices=False)[2][:-1].T
        assert loss(edited @ axes) < entropy - 0.1

    def test_mean_stays_though_classes_differ_in_size(self) -> None:
        """The reference goes to the unweighted mean of the class means."""
        x, z = differing(3, shares=(0.8, 0.15, 0.05))
        edited = fit("quadratic-leace", x, z)(x, z)
        torch.testing.assert_close(edited.mean(0), x.mean(0), rtol=0, atol=1e-10)
        unweighted = torch.stack([x[z == c].mean(0) for c in range(3)]).mean(0)
        assert float((unweighted - x.mean(0)).norm()) > 0.3

    def test_moves_no_less_than_the_linear_oracle(self) -> None:
        x, z = differing(3)
        quadratic, linear = (
            float((fit(s, x, z)(x, z) - x).square().sum()) for s in ("quadratic-leace", "oracle-leace")
        )
        assert quadratic > linear

    def test_shrinkage_keeps_the_means_equal_when_rows_are_few(self) -> None:
        x, z = differing(3, n=40, d=24)
        edited = fit("quadratic-leace(shrinkage=True)", x, z)(x, z)
        for c in range(1, 3):
            torch.testing.assert_close(edited[z == c].mean(0), edited[z == 0].mean(0), rtol=0, atol=1e-9)
        assert torch.linalg.matrix_rank(edited - edited.mean(0)) == min(24, 40 - 3)

    def test_a_class_without_rows_is_treated_as_all_rows_together(self) -> None:
        x, z = differing(3)
        z = torch.where(z == 1, 3, z)
        edit = fit("quadratic-leace", x, z)
        assert isinstance(edit, ClassMapEdit)
        pooled = fit("quadratic-leace-pooled", x, z)
        torch.testing.assert_close(edit(x, torch.ones_like(z)), pooled(x), rtol=0, atol=1e-9)

    def test_a_class_of_one_row_goes_to_the_common_mean(self) -> None:
        """It has no covariance to carry, and the other classes meet all the same."""
        x, z = differing(2)
        x, z = torch.cat([x, x[:1] + 3.0]), torch.cat([z, torch.tensor([2])])
        edited = fit("quadratic-leace", x, z)(x, z)
        torch.testing.assert_close(edited[-1], x.mean(0), rtol=0, atol=1e-9)
        (zero, zero_cov), (one, one_cov) = (moments(edited[z == c]) for c in (0, 1))
        torch.testing.assert_close(zero, one, rtol=0, atol=1e-9)
        torch.testing.assert_close(zero_cov, one_cov, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("spec", ["quadratic-leace", "quadratic-leace-pooled"])
    def test_real_labels_are_refused(self, spec: str, continuous: Data) -> None:
        assert "continuous" not in get_method(spec).info.supports
        with pytest.raises(FitError, match="int64"):
            fit(spec, *continuous)


class TestReference:
    """`concept-erasure` 0.2.4, with covariances over n − 1 and the unweighted mean of the class means."""

    @pytest.mark.parametrize("k", [2, 3])
    def test_agrees_on_classes_of_equal_size(self, k: int) -> None:
        x, _ = differing(k)
        z = torch.arange(len(x)) % k
        x = x * (1 + z[:, None]) + z[:, None]
        theirs = Reference.fit(x, z, shrinkage=False).eraser(x, z)
        torch.testing.assert_close(fit("quadratic-leace", x, z)(x, z), theirs, rtol=0, atol=1e-5)

    def test_moves_the_data_when_classes_differ_in_size(self) -> None:
        x, z = differing(2, shares=(0.9, 0.1))
        theirs = Reference.fit(x, z, shrinkage=False).eraser(x, z)
        unweighted = (x[z == 0].mean(0) + x[z == 1].mean(0)) / 2
        torch.testing.assert_close(theirs.mean(0), unweighted, rtol=0, atol=1e-6)
        assert float((theirs.mean(0) - x.mean(0)).norm()) > 0.3


class TestPooled:
    def test_gives_all_rows_the_covariance_that_classes_should_have(self) -> None:
        x, z = differing(3)
        oracle, pooled = fit("quadratic-leace", x, z)(x, z), fit("quadratic-leace-pooled", x, z)(x)
        for found, wanted in zip(moments(pooled), moments(oracle), strict=True):
            torch.testing.assert_close(found, wanted, rtol=0, atol=1e-8)

    def test_is_no_guard_and_says_so(self) -> None:
        x, z = differing(2)
        edited = fit("quadratic-leace-pooled", x, z)(x)
        assert float((edited[z == 1].mean(0) - edited[z == 0].mean(0)).norm()) > 0.1
        info = get_method("quadratic-leace-pooled").info
        assert "guards-linearly" not in info.claims and not info.oracle
        assert get_method("quadratic-leace").info.oracle


class TestEdits:
    def test_labels_decide_the_map(self) -> None:
        edit = ClassMapEdit(
            torch.stack([torch.eye(2), 2 * torch.eye(2)]), torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.ones(2)
        )
        x = torch.tensor([[[3.0, 4.0], [3.0, 4.0]]])
        torch.testing.assert_close(edit(x, torch.tensor([[0, 1]])), torch.tensor([[[4.0, 5.0], [5.0, 7.0]]]))

    @pytest.mark.parametrize(
        ("z", "message"),
        [(None, r"edit\(x, z\)"), (torch.tensor([0, 2]), "maps for 2 classes"), (torch.zeros(2), "must be classes")],
    )
    def test_labels_that_do_not_fit(self, z: Tensor | None, message: str) -> None:
        edit = ClassMapEdit(torch.zeros(2, 3, 3), torch.zeros(2, 3), torch.zeros(3))
        with pytest.raises(EditError, match=message):
            edit(torch.zeros(2, 3), z)

    def test_shapes_that_do_not_fit(self) -> None:
        with pytest.raises(EditError, match=r"\[k, d, d\]"):
            ClassMapEdit(torch.zeros(2, 3, 3), torch.zeros(3, 3), torch.zeros(3))
        with pytest.raises(EditError, match=r"\[d, d\]"):
            MapEdit(torch.zeros(3, 2), torch.zeros(3), torch.zeros(3))

    @pytest.mark.parametrize("spec", ["quadratic-leace", "quadratic-leace-pooled"])
    def test_files(self, spec: str, tmp_path: Path) -> None:
        x, z = differing(2)
        edit = fit(spec, x, z)
        save_edit(edit, tmp_path / "e")
        loaded = load_edit(tmp_path / "e")
        assert type(loaded) is type(edit) and loaded.fingerprint == edit.fingerprint
        assert torch.equal(loaded(x, z), edit(x, z))

    def test_rank_is_of_the_change(self) -> None:
        matrix = torch.diag(torch.tensor([1.0, 0.0, 1.0, 0.5]))
        assert MapEdit(matrix, torch.zeros(4), torch.zeros(4)).rank == 2
        assert ClassMapEdit(torch.stack([torch.eye(4), matrix]), torch.zeros(2, 4), torch.zeros(4)).rank == 2


def test_two_unlike_variances_are_told_apart_until_edited() -> None:
    """A planted concept that is quadratic and nothing else: the radius tells the classes apart, and then does not."""
    generator = torch.Generator().manual_seed(0)
    z = torch.arange(2000) % 2
    x = torch.randn(2000, 6, generator=generator, dtype=torch.float64) * (1 + 2 * z[:, None])

    def told_apart(edited: Tensor) -> float:
        radius = (edited - edited.mean(0)).square().sum(1)
        threshold = radius.median()
        return abs(float(((radius > threshold).long() == z).double().mean()) - 0.5)

    assert told_apart(fit("leace", x, z)(x)) > 0.4
    assert told_apart(fit("quadratic-leace", x, z)(x, z)) < 0.05
    assert math.isfinite(told_apart(fit("quadratic-leace-pooled", x, z)(x)))
