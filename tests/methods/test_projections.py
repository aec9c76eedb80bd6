"""The orthogonal erasers: mean and median projection, SAL, INLP, and the random controls."""

from collections.abc import Callable

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from interpmark.methods import DEFAULT_METHODS, AffineEdit, FitError, MethodError, get_method
from interpmark.methods.logistic import logistic_weights

Data = tuple[Tensor, Tensor]
ORTHOGONAL = [spec for spec in DEFAULT_METHODS if "orthogonal" in get_method(spec).claims]
FINDING = ["mean-projection", "sal", "leace(method=orth)"]


def fit(spec: str, x: Tensor, z: Tensor, seed: int = 0) -> AffineEdit:
    edit = get_method(spec).build().fit(x, z, seed=seed)
    assert isinstance(edit, AffineEdit)
    return edit


def cosine(a: Tensor, b: Tensor) -> float:
    return abs(float(torch.cosine_similarity(a.flatten(), b.flatten(), dim=0)))


@pytest.mark.parametrize("spec", [s for s in ORTHOGONAL if s not in ("identity", "full-ablation")])
@pytest.mark.parametrize("data", ["binary", "multiclass"])
def test_linear_part_is_a_symmetric_projection(spec: str, data: str, request: pytest.FixtureRequest) -> None:
    edit = fit(spec, *request.getfixturevalue(data))
    removed = edit.read @ edit.write.T
    torch.testing.assert_close(removed, removed.T, rtol=0, atol=1e-12)
    torch.testing.assert_close(removed @ removed, removed, rtol=0, atol=1e-12)
    assert torch.linalg.matrix_rank(removed, rtol=1e-9) == edit.rank


@pytest.mark.parametrize("data", ["binary", "multiclass"])
def test_three_formulas_for_one_map(data: str, request: pytest.FixtureRequest) -> None:
    """Mean projection, SAL and orthogonal LEACE are found differently and are the same edit."""
    x, z = request.getfixturevalue(data)
    assert len({fit(spec, x, z).fingerprint for spec in FINDING}) == 1
    assert fit("leace", x, z).fingerprint != fit("sal", x, z).fingerprint


@pytest.mark.parametrize("k", range(2, 12))
def test_one_direction_fewer_than_classes(k: int, make_gaussian: Callable[..., Data]) -> None:
    x, z = make_gaussian(600, 24, k)
    assert [fit(spec, x, z).rank for spec in FINDING] == [k - 1] * 3


class TestMeanAndMedianProjection:
    def test_projects_out_the_difference_of_means(self, binary: Data) -> None:
        x, z = binary
        delta = x[z == 1].mean(0) - x[z == 0].mean(0)
        assert cosine(fit("mean-projection", x, z).read, delta) == pytest.approx(1.0, abs=1e-12)

    @pytest.mark.parametrize("spec", ["mean-projection", "median-projection"])
    def test_equal_means_are_an_error(self, spec: str, binary: Data) -> None:
        x, _ = binary
        with pytest.raises(FitError, match="no direction"):
            fit(spec, x, torch.zeros(len(x), dtype=torch.int64))
        with pytest.raises(FitError, match="do not differ"):
            fit(spec, torch.cat([x, x]), torch.arange(2 * len(x)) // len(x))

    @pytest.mark.parametrize("spec", ["mean-projection", "median-projection"])
    def test_real_labels_are_refused(self, spec: str, continuous: Data) -> None:
        assert "continuous" not in get_method(spec).info.supports
        with pytest.raises(FitError, match="int64"):
            fit(spec, *continuous)

    def test_coordinate_becomes_the_median(self, make_gaussian: Callable[..., Data]) -> None:
        x, z = make_gaussian(601, 24, 2)
        x = (
            x.exp().clamp_max(1e4).log1p() + x.sinh().clamp(-5, 50) * z[:, None]
        )  # skewed, so that the median is no mean
        edit = fit("median-projection", x, z)
        v = edit.read[:, 0]
        coordinates = edit(x) @ v
        torch.testing.assert_close(coordinates, (x @ v).median().expand(601), rtol=0, atol=1e-9)
        assert abs(float((x @ v).median() - (x @ v).mean())) > 0.1

    def test_several_coordinates_become_their_medians(self, multiclass: Data) -> None:
        x, z = multiclass
        edit = fit("median-projection", x, z)
        coordinates = edit(x) @ edit.read
        torch.testing.assert_close(coordinates, (x @ edit.read).quantile(0.5, dim=0).expand(600, 4), rtol=0, atol=1e-9)


class TestSal:
    @pytest.mark.parametrize("rank", [1, 2, 4])
    def test_takes_the_leading_singular_directions(self, rank: int, multiclass: Data) -> None:
        x, z = multiclass
        one_hot = torch.nn.functional.one_hot(z).double()
        u = torch.linalg.svd((x - x.mean(0)).T @ (one_hot - one_hot.mean(0))).U[:, :rank]
        edit = fit(f"sal(rank={rank})", x, z)
        torch.testing.assert_close(edit.read @ edit.write.T, u @ u.T, rtol=0, atol=1e-10)

    def test_never_more_than_the_labels_have(self, multiclass: Data) -> None:
        x, z = multiclass
        assert fit("sal(rank=20)", x, z).fingerprint == fit("sal", x, z).fingerprint

    def test_mean_far_from_zero_is_not_taken_for_the_concept(self, binary: Data) -> None:
        """Without centring, the first singular direction of XᵀZ is the mean."""
        x, z = binary
        delta = x[z == 1].mean(0) - x[z == 0].mean(0)
        assert cosine(fit("sal", x + 1000.0, z).read, delta) == pytest.approx(1.0, abs=1e-9)

    def test_guards_only_when_it_takes_all(self) -> None:
        assert "guards-linearly" in get_method("sal").claims
        assert "guards-linearly" not in get_method("sal(rank=1)").claims


class TestInlp:
    def test_first_direction_is_the_classifiers(self, binary: Data) -> None:
        """Scikit-learn minimises C Σ loss + ½‖w‖², so weight decay λ on the mean loss is C = 1 / (λ n)."""
        x, z = binary
        scaled = (x - x.mean(0)) / (x - x.mean(0)).square().mean().sqrt()
        theirs = LogisticRegression(C=1 / (1e-3 * len(x)), tol=1e-12, max_iter=10_000).fit(scaled.numpy(), z.numpy())
        assert cosine(fit("inlp", x, z).read, torch.from_numpy(theirs.coef_)) == pytest.approx(1.0, abs=1e-8)

    def test_huge_weight_decay_is_mean_projection(self, binary: Data) -> None:
        x, z = binary
        edit = fit("inlp(rank=4, weight_decay=1e12)", x, z)
        assert edit.rank == 1  # nothing is left after one round, so there is no second
        assert edit.fingerprint == fit("mean-projection", x, z).fingerprint

    def test_small_weight_decay_needs_many_rounds(self, binary: Data) -> None:
        x, z = binary
        assert fit("inlp(rank=4)", x, z).rank == 4
        left = [fit(f"inlp(rank={r})", x, z)(x) for r in (1, 4, 16)]
        gaps = [float((y[z == 1].mean(0) - y[z == 0].mean(0)).norm()) for y in left]
        assert gaps == sorted(gaps, reverse=True)
        assert gaps[0] > 0.5 * float((x[z == 1].mean(0) - x[z == 0].mean(0)).norm())

    def test_higher_ranks_extend_lower_ones(self, binary: Data) -> None:
        x, z = binary
        small, large = fit("inlp(rank=2)", x, z).read, fit("inlp(rank=5)", x, z).read
        torch.testing.assert_close(large @ (large.T @ small), small, rtol=0, atol=1e-10)

    @pytest.mark.parametrize("rank", [1, 3, 7, 16])
    @pytest.mark.parametrize("data", ["binary", "multiclass", "continuous"])
    def test_rank_is_the_one_asked_for(self, rank: int, data: str, request: pytest.FixtureRequest) -> None:
        edit = fit(f"inlp(rank={rank})", *request.getfixturevalue(data))
        assert edit.rank == edit.read.shape[1] == rank

    def test_cannot_remove_more_than_there_is(self, make_gaussian: Callable[..., Data]) -> None:
        x, z = make_gaussian(40, 8, 2)
        assert fit("inlp(rank=16)", x, z).rank <= 8
        x, z = make_gaussian(10, 64, 2)
        assert fit("inlp(rank=16)", x, z).rank <= 9

    def test_unit_of_the_activations_does_not_matter(self, multiclass: Data) -> None:
        x, z = multiclass
        torch.testing.assert_close(fit("inlp", x * 1e3, z)(x * 1e3) / 1e3, fit("inlp", x, z)(x), rtol=0, atol=1e-8)

    @pytest.mark.parametrize(
        "spec", ["inlp(rank=0)", "inlp(weight_decay=0)", "sal(rank=0)", "random-direction(rank=-1)"]
    )
    def test_impossible_parameters_are_errors_at_once(self, spec: str) -> None:
        with pytest.raises(MethodError, match="must be"):
            get_method(spec)


class TestLogistic:
    @pytest.mark.parametrize("weight_decay", [1e-6, 1e-3, 1.0, 1e6])
    @pytest.mark.parametrize("share", [0.5, 0.01])
    def test_gradient_is_zero(self, weight_decay: float, share: float, make_gaussian: Callable[..., Data]) -> None:
        """On data that a hyperplane separates (24 features, the shift is large) as on a rare class."""
        x, _ = make_gaussian(400, 24, 1)
        x = x - x.mean(0)
        positive = torch.arange(400) < int(400 * share)
        x[positive] += 1.0
        w = logistic_weights(x, positive, weight_decay).requires_grad_()
        low, high = -200.0, 200.0
        for _ in range(200):  # the bias is not returned: the best one for these weights, by bisection on its slope
            bias = (low + high) / 2
            slope = float((torch.sigmoid((x @ w + bias).detach()) - positive.double()).mean())
            low, high = (bias, high) if slope < 0 else (low, bias)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(x @ w + bias, positive.double())
        (loss + weight_decay / 2 * w.square().sum()).backward()  # type: ignore[no-untyped-call]
        start = (x * (positive.double() - share)[:, None]).mean(0).norm()
        assert w.grad is not None
        assert float(w.grad.norm() / start) < 1e-7


class TestControls:
    def test_random_direction_is_seeded_and_unit(self, binary: Data) -> None:
        x, z = binary
        edits = [fit("random-direction", x, z, seed) for seed in (0, 0, 1)]
        assert torch.equal(edits[0].read, edits[1].read)
        assert cosine(edits[0].read, edits[2].read) < 0.9
        assert float(edits[0].read.norm()) == pytest.approx(1.0)

    def test_random_directions_are_uniform(self, binary: Data) -> None:
        """The mean squared cosine with any fixed direction is 1/d; 400 draws tell it from half or twice that."""
        x, z = binary
        squares = [float(fit("random-direction", x, z, seed).read[0, 0]) ** 2 for seed in range(400)]
        assert sum(squares) / 400 == pytest.approx(1 / 24, rel=0.25)

    def test_rank_beyond_the_size_is_an_error(self, binary: Data) -> None:
        with pytest.raises(FitError, match="25 directions"):
            fit("random-direction(rank=25)", *binary)

    @pytest.mark.parametrize("to", ["leace", "inlp(rank=4)", "oracle-leace", "full-ablation", "mean-projection"])
    def test_random_matched_edits_as_much_at_the_same_rank(self, to: str, multiclass: Data) -> None:
        x, z = multiclass
        compared = get_method(to).build().fit(x, z, seed=0)
        edit = fit(f"random-matched(to={to!r})", x, z)
        assert edit.rank == compared.rank
        wanted = float((compared(x, z) - x).square().sum())
        assert float((edit(x) - x).square().sum()) == pytest.approx(wanted, rel=1e-10)
        assert float((edit(x).mean(0) - x.mean(0)).norm()) < 1e-10

    def test_random_matched_to_nothing_does_nothing(self, binary: Data) -> None:
        x, z = binary
        assert torch.equal(fit("random-matched(to=identity)", x, z)(x), x)

    def test_random_matched_refuses_what_it_cannot_fit(self) -> None:
        with pytest.raises(MethodError, match="did you mean 'leace'"):
            get_method("random-matched(to=leec)")
        with pytest.raises(MethodError, match=r"rank must be at least 1"):
            get_method("random-matched(to='inlp(rank=0)')")

    def test_full_ablation_leaves_one_point(self, binary: Data) -> None:
        x, z = binary
        edited = get_method("full-ablation").build().fit(x, z, seed=0)(x)
        assert float(edited.var(0).max()) < 1e-25
        torch.testing.assert_close(edited[0], x.mean(0))
