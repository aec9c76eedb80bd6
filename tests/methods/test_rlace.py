"""R-LACE: the game on the Fantope, where it ends, and what its moves may do."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from interpmark.methods import AffineEdit, MethodError, get_method
from interpmark.methods.adversary import Rows, best_adversary, constant, principal_rows
from interpmark.methods.erasers import rlace
from interpmark.methods.erasers.rlace import ends, first_move, game

Data = tuple[Tensor, Tensor]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """The games here are small: a second thread would wait longer than it computes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def fit(spec: str, x: Tensor, z: Tensor, seed: int = 0) -> AffineEdit:
    edit = get_method(spec).build().fit(x, z, seed=seed)
    assert isinstance(edit, AffineEdit)
    return edit


def rows_of(x: Tensor, z: Tensor) -> Rows:
    return principal_rows((x - x.mean(0)) / (x - x.mean(0)).square().mean().sqrt(), z)[0]


@cache
def small_rows(k: int) -> Rows:
    """Return k classes in ten dimensions that overlap, so that a strong adversary has no perfect score."""
    generator = torch.Generator().manual_seed(k)
    z = torch.arange(240) % k
    means = torch.randn(k, 10, generator=generator, dtype=torch.float64) * torch.linspace(0.2, 1.2, 10)
    return rows_of(torch.randn(240, 10, generator=generator, dtype=torch.float64) + means[z] + 4.0, z)


def subspace(d: int, rank: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    basis: Tensor = torch.linalg.qr(torch.randn(d, rank, generator=generator, dtype=torch.float64)).Q
    return basis


def interior_value(rows: Rows, p: Tensor, weight_decay: float) -> float:
    """Return the adversary's minimum at any point P of the Fantope, with (I − P)^½ in place of I − P."""
    values, vectors = torch.linalg.eigh(torch.eye(len(p), dtype=p.dtype) - p)
    root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    shrunk = Rows(rows.x @ root, rows.z, rows.variances, rows.classes)
    return best_adversary(shrunk, p.new_zeros(len(p), 0), weight_decay).value


class TestTheGame:
    @given(seed=st.integers(0, 10**6), rank=st.integers(1, 4), k=st.sampled_from([2, 4, 6]))
    @settings(max_examples=15, deadline=None)
    def test_no_move_makes_the_adversary_better_and_each_stays_in_the_fantope(
        self, seed: int, rank: int, k: int
    ) -> None:
        rows = small_rows(k)
        positions = list(game(rows, subspace(10, rank, seed), 0.05))
        values = [position.adversary.value for position in positions]
        assert all(after >= before - 1e-7 for before, after in pairwise(values))
        assert values[-1] <= constant(rows).value + 1e-9
        for position in positions:
            p = position.basis @ position.basis.T
            torch.testing.assert_close(p @ p, p, rtol=0, atol=1e-12)  # so its eigenvalues are 0 and 1
            assert float(p.trace()) <= rank + 1e-12  # and less when the adversary has fewer directions

    @given(first=st.integers(0, 10**6), second=st.integers(0, 10**6), share=st.floats(0.05, 0.95))
    @settings(max_examples=15, deadline=None)
    def test_value_is_convex_so_that_no_point_inside_the_fantope_beats_a_projection(
        self, first: int, second: int, share: float
    ) -> None:
        rows = small_rows(4)
        p, q = (b @ b.T for b in (subspace(10, 2, first), subspace(10, 2, second)))
        mixed = interior_value(rows, share * p + (1 - share) * q, 0.05)
        assert mixed <= share * interior_value(rows, p, 0.05) + (1 - share) * interior_value(rows, q, 0.05) + 1e-7

    @pytest.mark.parametrize("seed", range(3))
    def test_from_any_start_two_classes_end_at_the_difference_of_means(self, seed: int, binary: Data) -> None:
        rows = rows_of(*binary)
        *_, last = game(rows, subspace(24, 1, seed), 1.0)
        delta = rows.x[binary[1] == 1].mean(0) - rows.x[binary[1] == 0].mean(0)
        assert last.adversary.value > 0.99 * constant(rows).value
        assert float((last.basis[:, 0] @ delta).abs() / delta.norm()) > 0.98

    @pytest.mark.parametrize("rank", [1, 2])
    def test_ends_no_lower_than_gradient_steps_with_fantope_projections(self, rank: int) -> None:
        """Against the way it was published, with the adversary solved at every step, from three starts."""
        rows = small_rows(6)
        (*_, ours), weight_decay = ends(rows, rank), rlace.STRENGTHS[-1]
        value = best_adversary(rows, ours, weight_decay).value
        for seed in range(3):
            p = (b := subspace(10, rank, seed)) @ b.T
            for _ in range(60):
                basis = _leading(p, rank)
                adversary = best_adversary(rows, basis, weight_decay)
                residual = adversary.residual(rows.without(basis), rows.z, rows.classes)
                slope = adversary.weights @ (rows.x.T @ residual / len(rows.x)).T
                p = _fantope(p - 2.0 * (slope + slope.T), rank)
            theirs = best_adversary(rows, _leading(p, rank), weight_decay).value
            assert value > theirs - 0.01 * constant(rows).value

    def test_fewer_directions_than_labels_beats_the_singular_directions(self) -> None:
        """SAL's are the first move; with one direction for six classes the game finds a better one."""
        rows = small_rows(6)
        *_, end = ends(rows, 1)
        after, before = (best_adversary(rows, b, 0.01).value for b in (end, first_move(rows.x, rows.z)[:, :1]))
        assert after > before


def _leading(p: Tensor, rank: int) -> Tensor:
    return torch.linalg.eigh(p).eigenvectors[:, -rank:]


def _fantope(p: Tensor, rank: int) -> Tensor:
    values, vectors = torch.linalg.eigh(p)
    low, high = float(values[0]) - 1.0, float(values[-1])
    for _ in range(60):
        shift = (low + high) / 2
        low, high = (shift, high) if float((values - shift).clamp(0, 1).sum()) > rank else (low, shift)
    return (vectors * (values - high).clamp(0, 1)) @ vectors.T


class TestTheEdit:
    def test_two_classes_meet_mean_projection(self, binary: Data) -> None:
        assert fit("rlace", *binary).fingerprint == fit("mean-projection", *binary).fingerprint

    @pytest.mark.parametrize("rank", [4, 7])
    def test_enough_directions_meet_sal_and_no_more_are_taken(self, rank: int, multiclass: Data) -> None:
        assert fit(f"rlace(rank={rank})", *multiclass).fingerprint == fit("sal", *multiclass).fingerprint

    @pytest.mark.parametrize("rank", [1, 2, 3])
    @pytest.mark.parametrize("data", ["multiclass", "continuous"])
    def test_idempotent_of_the_rank_asked_for(self, rank: int, data: str, request: pytest.FixtureRequest) -> None:
        edit = fit(f"rlace(rank={rank})", *request.getfixturevalue(data))
        kept = torch.eye(24, dtype=torch.float64) - edit.read @ edit.write.T
        torch.testing.assert_close(kept @ kept, kept, rtol=0, atol=1e-12)
        assert torch.linalg.matrix_rank(kept, rtol=1e-9) == 24 - rank

    @pytest.mark.parametrize("data", ["binary", "multiclass"])
    def test_below_leace_is_a_signal_left(self, data: str, request: pytest.FixtureRequest) -> None:
        """A full guard edits no less than LEACE; of rank one on five classes it edits less, and does not guard."""
        x, z = request.getfixturevalue(data)
        edited, least = fit("rlace", x, z)(x), fit("leace", x, z)(x)
        classes = z.unique()
        gap = max(float((edited[z == c].mean(0) - edited.mean(0)).norm()) for c in classes)
        ratio = float((edited - x).square().sum() / (least - x).square().sum())
        assert (gap < 1e-8 and ratio >= 1) if data == "binary" else (gap > 1e-2 and ratio < 1)

    def test_follows_turns_shifts_and_units(self, multiclass: Data) -> None:
        x, z = multiclass
        turned = x @ subspace(24, 24, 5) * 1e3 - 7.0
        expected = fit("rlace(rank=2)", x, z)(x) @ subspace(24, 24, 5) * 1e3 - 7.0
        torch.testing.assert_close(fit("rlace(rank=2)", turned, z)(turned), expected, rtol=0, atol=1.0)

    def test_units_of_real_labels_do_not_matter(self, continuous: Data) -> None:
        x, z = continuous
        other = fit("rlace(rank=2)", x, z * torch.tensor([1e-6, 1.0, 1e6]).double())
        torch.testing.assert_close(other(x), fit("rlace(rank=2)", x, z)(x), rtol=0, atol=1e-3)

    def test_same_seed_same_edit(self, multiclass: Data) -> None:
        x, z = multiclass
        assert torch.equal(fit("rlace", x, z, seed=3).read, fit("rlace", x, z, seed=3).read)

    @pytest.mark.parametrize("classes", [1, 2])
    def test_nothing_to_erase_is_no_edit(self, classes: int, binary: Data) -> None:
        x, _ = binary
        x, z = torch.cat([x] * classes), torch.arange(classes * len(x)) // len(x)
        assert fit("rlace", x, z).rank == 0

    def test_impossible_rank_is_an_error_at_once(self) -> None:
        with pytest.raises(MethodError, match="must be at least 1"):
            get_method("rlace(rank=0)")


class TestHeldOut:
    @pytest.mark.parametrize("seed", [0, 1])
    def test_no_class_is_only_held_out(self, seed: int) -> None:
        z = torch.nn.functional.one_hot(torch.tensor([0] * 50 + [1] * 9 + [2])).double()
        train, held_out = rlace._parts(z, True, seed)
        assert sorted([*train.tolist(), *held_out.tolist()]) == list(range(60))
        assert z[train].sum(0).tolist() == [40, 8, 1]

    def test_the_end_with_the_worst_adversary_is_kept(self, multiclass: Data, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whichever end is made to look worst for the adversary on held-out rows is the one played to."""
        rows = rows_of(*multiclass)
        found = list(ends(rows, 1))
        for wanted in range(len(found)):
            losses = iter(float(index == wanted) for index in range(len(found)))
            monkeypatch.setattr(rlace, "_held_out_loss", lambda *_, losses=losses: next(losses))
            assert torch.equal(rlace.Rlace(1)._play(rows, 0), found[wanted])
