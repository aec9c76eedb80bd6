"""LEACE: minimal among guards, streaming, indifferent to units, and equal to the reference where that is right."""

import math
from collections.abc import Callable

import pytest
import torch
from concept_erasure import LeaceFitter as ReferenceFitter
from concept_erasure import OracleFitter as ReferenceOracle
from concept_erasure.shrinkage import optimal_linear_shrinkage
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torch import Tensor

from interpmark.methods import AffineEdit, FitError, get_method
from interpmark.methods.erasers.leace import LeaceFitter
from interpmark.methods.shrinkage import shrink

Data = tuple[Tensor, Tensor]


def fit(spec: str, x: Tensor, z: Tensor) -> AffineEdit:
    edit = get_method(spec).build().fit(x, z, seed=0)
    assert isinstance(edit, AffineEdit)
    return edit


def linear_part(edit: AffineEdit) -> Tensor:
    return torch.eye(edit.d, dtype=torch.float64) - edit.read @ edit.write.T  # row convention: x' = x P + b


def squared_edit(spec: str, x: Tensor, z: Tensor) -> float:
    edit = get_method(spec).build().fit(x, z, seed=0)
    return float((edit(x, z) - x).square().sum(1).mean())


@pytest.mark.parametrize("data", ["binary", "multiclass"])
def test_no_guard_edits_less_but_the_oracle(data: str, request: pytest.FixtureRequest) -> None:
    x, z = request.getfixturevalue(data)
    oracle, least = squared_edit("oracle-leace", x, z), squared_edit("leace", x, z)
    assert oracle < least
    for guard in ("leace(method=orth)", "mean-projection", "sal", "median-projection", "leace(shrinkage=True)"):
        assert squared_edit(guard, x, z) > least * (1 + 1e-9), guard


def test_oracle_edit_is_the_variance_that_real_labels_explain(continuous: Data) -> None:
    """tr(C Σzz⁺ Cᵀ): of a least-squares prediction of x from z."""
    x, z = continuous
    centred = x - x.mean(0)
    predicted = (z - z.mean(0)) @ torch.linalg.lstsq(z - z.mean(0), centred).solution
    assert math.isclose(squared_edit("oracle-leace", x, z), float(predicted.square().sum(1).mean()), rel_tol=1e-10)
    assert squared_edit("oracle-leace", x, z) < squared_edit("leace", x, z) < squared_edit("sal", x, z)


def test_oracle_edit_is_the_variance_that_labels_explain(multiclass: Data) -> None:
    x, z = multiclass
    between = sum(float((z == c).double().mean() * (x[z == c].mean(0) - x.mean(0)).square().sum()) for c in range(5))
    assert math.isclose(squared_edit("oracle-leace", x, z), between, rel_tol=1e-10)


def test_no_nearby_guard_edits_less(binary: Data) -> None:
    """First-order optimality, in the Euclidean and in any other norm: moving within the guards only adds."""
    x, z = binary
    best = fit("leace", x, z)
    delta = x[z == 1].mean(0) - x[z == 0].mean(0)
    generator = torch.Generator().manual_seed(3)
    metric = torch.randn(24, 24, generator=generator, dtype=torch.float64)
    for norm in (torch.eye(24, dtype=torch.float64), metric):
        least = ((best(x) - x) @ norm).square().sum()
        for _ in range(20):
            change = torch.randn(24, generator=generator, dtype=torch.float64)
            change = change - (change @ delta) / (delta @ delta) * delta  # still reads δ as 1, so still a guard
            read = best.read + 1e-3 * best.read.norm() / change.norm() * change[:, None]
            other = AffineEdit(read, best.write, best.center)
            assert float((other(x)[z == 1].mean(0) - other(x)[z == 0].mean(0)).norm()) < 1e-10
            assert ((other(x) - x) @ norm).square().sum() > least


def test_binary_reads_lda_and_writes_the_difference_of_means(binary: Data) -> None:
    x, z = binary
    edit = fit("leace", x, z)
    delta = x[z == 1].mean(0) - x[z == 0].mean(0)
    lda = torch.linalg.solve((x - x.mean(0)).T @ (x - x.mean(0)), delta)
    assert abs(float(torch.cosine_similarity(edit.write[:, 0], delta, dim=0))) == pytest.approx(1.0, abs=1e-12)
    assert abs(float(torch.cosine_similarity(edit.read[:, 0], lda, dim=0))) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("spec", ["leace", "leace(method=orth)", "leace(shrinkage=True)", "leace(affine=False)"])
@pytest.mark.parametrize(("data", "rank"), [("binary", 1), ("multiclass", 4), ("continuous", 3)])
def test_projection_of_the_right_rank(spec: str, data: str, rank: int, request: pytest.FixtureRequest) -> None:
    edit = fit(spec, *request.getfixturevalue(data))
    projection = linear_part(edit)
    torch.testing.assert_close(projection @ projection, projection, rtol=0, atol=1e-11)
    assert edit.rank == rank
    assert torch.linalg.matrix_rank(projection, rtol=1e-9) == 24 - rank


@pytest.mark.parametrize("data", ["binary", "multiclass"])
def test_the_best_linear_reader_knows_the_shares_and_nothing_else(data: str, request: pytest.FixtureRequest) -> None:
    """Unpenalised logistic regression on the edited rows has the entropy of the labels as its loss."""
    x, z = request.getfixturevalue(data)
    shares = z.bincount().double() / len(z)
    entropy = float(-(shares * shares.log()).sum())

    def loss(rows: Tensor) -> float:
        standard = ((rows - rows.mean(0)) / rows.std(0)).numpy()
        reader = LogisticRegression(C=1e10, tol=1e-8, max_iter=10_000).fit(standard, z.numpy())
        return float(log_loss(z.numpy(), reader.predict_proba(standard)))

    assert loss(fit("leace", x, z)(x)) == pytest.approx(entropy, abs=1e-6)
    assert loss(x) < entropy - 0.2


def test_more_classes_than_dimensions_leave_one_point(make_gaussian: Callable[..., Data]) -> None:
    x, z = make_gaussian(900, 8, 30)
    edit = fit("leace", x, z)
    assert edit.rank == 8
    torch.testing.assert_close(edit(x), x.mean(0).expand(900, 8), rtol=0, atol=1e-9)


def test_a_layer_norm_after_the_edit_lets_some_of_it_back_in(binary: Data) -> None:
    """Which is why scrubbing edits what norms give, and not what they are given."""
    x, z = binary

    def gap(rows: Tensor) -> float:
        return float((rows[z == 1].mean(0) - rows[z == 0].mean(0)).norm() / rows.std(0).norm())

    def norm(rows: Tensor) -> Tensor:
        return torch.nn.functional.layer_norm(rows, rows.shape[1:])

    assert gap(fit("leace", x, z)(x)) < 1e-10
    assert gap(norm(fit("leace", x, z)(x))) > 1e-2
    assert gap(fit("leace", norm(x), z)(norm(x))) < 1e-10


def test_mean_stays_when_affine_and_moves_when_not(binary: Data) -> None:
    x, z = binary
    assert float((fit("leace", x, z)(x).mean(0) - x.mean(0)).norm()) < 1e-12
    assert float((fit("leace(affine=False)", x, z)(x).mean(0) - x.mean(0)).norm()) > 0.1


def test_follows_an_affine_change_of_coordinates(multiclass: Data) -> None:
    """Erase(xA + b) = Erase(x)A + b: the guard is a fact about the space and not about its coordinates."""
    x, z = multiclass
    a = torch.randn(24, 24, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    expected = fit("leace", x, z)(x) @ a - 3.0
    torch.testing.assert_close(fit("leace", x @ a - 3.0, z)(x @ a - 3.0), expected, rtol=0, atol=1e-9)


def test_names_of_the_classes_do_not_matter(multiclass: Data) -> None:
    x, z = multiclass
    renamed = torch.tensor([3, 0, 4, 1, 2])[z]
    for spec in ("leace", "leace(method=orth)", "sal", "mean-projection"):
        assert fit(spec, x, z).fingerprint == fit(spec, x, renamed).fingerprint


@pytest.mark.parametrize("method", ["leace", "orth"])
@pytest.mark.parametrize("batch", [1, 7, 600])
def test_streaming_is_one_batch(multiclass: Data, method: str, batch: int) -> None:
    x, z = multiclass
    fitter = LeaceFitter(24, 5, method=method)  # type: ignore[arg-type]
    for start in range(0, len(x), batch):
        fitter.update(x[start : start + batch], z[start : start + batch])
    torch.testing.assert_close(fitter.eraser(x), fit(f"leace(method={method})", x, z)(x), rtol=0, atol=1e-11)


def test_update_forgets_the_eraser(multiclass: Data) -> None:
    x, z = multiclass
    fitter = LeaceFitter(24, 5).update(x[:300], z[:300])
    early = fitter.eraser
    assert fitter.eraser is early
    fitter.update(x[300:], z[300:])
    assert fitter.eraser.fingerprint == fit("leace", x, z).fingerprint != early.fingerprint


def test_streaming_refuses_what_does_not_fit(multiclass: Data) -> None:
    x, z = multiclass
    with pytest.raises(FitError, match="no rows"):
        _ = LeaceFitter(24, 5).eraser
    with pytest.raises(FitError, match="only 3 classes"):
        LeaceFitter(24, 3).update(x, z)
    with pytest.raises(FitError, match=r"x \[n, 23\]"):
        LeaceFitter(23, 5).update(x, z)
    with pytest.raises(FitError, match="NaN"):
        LeaceFitter(24, 5).update(x * float("nan"), z)


@pytest.mark.parametrize("spec", ["leace", "leace(method=orth)", "leace(shrinkage=True)", "sal", "inlp(rank=4)"])
@pytest.mark.parametrize("labels", ["one class", "constant number", "number apart from x"])
def test_nothing_to_erase_is_no_edit(spec: str, labels: str, binary: Data) -> None:
    x, _ = binary
    z = {
        "one class": torch.zeros(600, dtype=torch.int64),
        "constant number": torch.full((600, 1), 0.1, dtype=torch.float64),
        # the residual of a regression on x has no covariance with x at all
        "number apart from x": residual(x, torch.randn(600, generator=torch.Generator().manual_seed(0)).double()),
    }[labels]
    edit = fit(spec, x, z)
    assert edit.rank == 0
    assert torch.equal(edit(x), x)


def residual(x: Tensor, y: Tensor) -> Tensor:
    rows = torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], dim=1)
    return (y - rows @ torch.linalg.lstsq(rows, y[:, None]).solution[:, 0])[:, None]


class TestReference:
    """`concept-erasure` 0.2.4, whose Z must be one-hot, whose tolerances are absolute, and which shrinks by default."""

    @staticmethod
    def reference(x: Tensor, z: Tensor, **options: object) -> Tensor:
        return ReferenceFitter.fit(x, z, **{"shrinkage": False, **options}).eraser(x)

    @pytest.mark.parametrize("data", ["binary", "multiclass"])
    @pytest.mark.parametrize(
        ("spec", "options"),
        [
            ("leace", {}),
            ("leace(shrinkage=True)", {"shrinkage": True}),
            ("leace(method=orth)", {"method": "orth"}),
            ("leace(affine=False)", {"affine": False}),
        ],
    )
    def test_agrees_on_ordinary_data(
        self, spec: str, options: dict[str, object], data: str, request: pytest.FixtureRequest
    ) -> None:
        x, z = request.getfixturevalue(data)
        theirs = self.reference(x, torch.nn.functional.one_hot(z).double(), **options)
        torch.testing.assert_close(fit(spec, x, z)(x), theirs, rtol=0, atol=1e-6)

    def test_oracle_agrees_on_ordinary_data(self, multiclass: Data) -> None:
        x, z = multiclass
        one_hot = torch.nn.functional.one_hot(z).double()
        theirs = ReferenceOracle.fit(x, one_hot).eraser(x, one_hot)
        ours = get_method("oracle-leace").build().fit(x, z, seed=0)(x, z)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("case", ["small unit", "rare class"])
    def test_erases_what_an_absolute_tolerance_overlooks(self, case: str) -> None:
        """There the reference does nothing at all, and this one erases."""
        x = torch.randn(10_000, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        z = torch.arange(10_000) % (2 if case == "small unit" else 1000) == 0
        labels = z.double()[:, None] * (0.01 if case == "small unit" else 1.0)
        shift = torch.zeros(8, dtype=torch.float64)
        shift[3] = 2.8  # standard deviations: plain to see
        x = x + torch.outer(z.double(), shift)
        assert torch.equal(self.reference(x, labels), x)
        ours = fit("leace", x, labels)(x)
        assert float((ours[z].mean(0) - ours[~z].mean(0)).norm()) < 1e-8

    def test_in_float32_a_large_feature_makes_it_drop_the_concept(self, make_gaussian: Callable[..., Data]) -> None:
        x, z = make_gaussian(1200, 512, 2)
        x[:, 7] *= 1000.0
        x, one_hot = x.float(), torch.nn.functional.one_hot(z).float()

        def gap(rows: Tensor) -> float:
            others = torch.arange(512) != 7
            return float((rows[z == 1].double().mean(0) - rows[z == 0].double().mean(0))[others].norm())

        assert gap(self.reference(x, one_hot)) > 0.5 * gap(x)
        assert gap(fit("leace", x, z)(x.double())) < 1e-8 * gap(x)

    def test_its_shrinkage_goes_astray_where_ours_is_clamped(self) -> None:
        """An isotropic covariance becomes nothing at all, and few rows give one with negative eigenvalues."""
        isotropic = torch.eye(16, dtype=torch.float64)
        assert float(optimal_linear_shrinkage(isotropic, 100).norm()) < 0.5 * float(shrink(isotropic, 100).norm())
        uneven = torch.diag(torch.linspace(0.5, 1.5, 16, dtype=torch.float64))
        assert float(torch.linalg.eigvalsh(optimal_linear_shrinkage(uneven, 5))[0]) < 0.0
        assert float(torch.linalg.eigvalsh(shrink(uneven, 5))[0]) > 0.0

    def test_oracle_leaves_two_hundred_balanced_classes(self, make_gaussian: Callable[..., Data]) -> None:
        x, _ = make_gaussian(2000, 24, 1)
        z = torch.arange(2000) % 200
        x = x + torch.randn(200, 24, generator=torch.Generator().manual_seed(1), dtype=torch.float64)[z]
        one_hot = torch.nn.functional.one_hot(z).double()

        def gap(y: Tensor) -> float:
            return float(torch.stack([y[z == c].mean(0) - y.mean(0) for c in range(200)]).norm())

        theirs = ReferenceOracle.fit(x, one_hot).eraser(x, one_hot)
        ours = get_method("oracle-leace").build().fit(x, z, seed=0)(x, z)
        assert gap(theirs) > 0.9 * gap(x)
        assert gap(ours) < 1e-8 * gap(x)


class TestShrinkage:
    def test_isotropic_covariance_is_left_as_it_is(self) -> None:
        identity = torch.eye(16, dtype=torch.float64)
        torch.testing.assert_close(shrink(identity, 100), identity)

    def test_few_rows_give_the_target_and_nothing_beyond(self) -> None:
        """The formula's weight is negative here; unclamped, the result would not be a covariance."""
        covariance = torch.diag(torch.linspace(0.9, 1.1, 16, dtype=torch.float64))
        torch.testing.assert_close(shrink(covariance, 5), torch.eye(16, dtype=torch.float64))

    @given(n=st.integers(2, 5000), spread=st.floats(0.0, 3.0))
    @settings(max_examples=50, deadline=None)
    def test_trace_stays_and_eigenvalues_draw_together(self, n: int, spread: float) -> None:
        eigenvalues = torch.logspace(-spread, spread, 12, dtype=torch.float64)
        shrunk = shrink(torch.diag(eigenvalues), n).diagonal()
        assert float(shrunk.sum()) == pytest.approx(float(eigenvalues.sum()))
        assert eigenvalues.min() * (1 - 1e-9) <= shrunk.min()
        assert shrunk.max() <= eigenvalues.max() * (1 + 1e-9)
