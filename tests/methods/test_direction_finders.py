"""Projections along directions from LDA, PCA and k-means: what each finds, and what it does not."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import Tensor

from interpmark.methods import AffineEdit, FitError, MethodError, get_method
from interpmark.methods.erasers.kmeans_projection import cluster

Data = tuple[Tensor, Tensor]
SPECS = ["lda-projection", "lda-projection(shrinkage=True)", "pca-projection(rank=3)", "kmeans-projection"]


def fit(spec: str, x: Tensor, z: Tensor, seed: int = 0) -> AffineEdit:
    edit = get_method(spec).build().fit(x, z, seed=seed)
    assert isinstance(edit, AffineEdit)
    return edit


def cosine(a: Tensor, b: Tensor) -> float:
    return abs(float(torch.cosine_similarity(a.flatten(), b.flatten(), dim=0)))


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("data", ["binary", "multiclass", "continuous"])
def test_centred_projection(spec: str, data: str, request: pytest.FixtureRequest) -> None:
    x, z = request.getfixturevalue(data)
    edit = fit(spec, x, z)
    removed = edit.read @ edit.write.T
    torch.testing.assert_close(removed @ removed, removed, rtol=0, atol=1e-12)
    torch.testing.assert_close(removed, removed.T, rtol=0, atol=1e-12)
    torch.testing.assert_close(edit(x).mean(0), x.mean(0), rtol=0, atol=1e-10)


@given(seed=st.integers(0, 10**6), unit=st.floats(1e-3, 1e3))
@settings(max_examples=10, deadline=None)
@pytest.mark.parametrize("spec", ["lda-projection", "pca-projection(rank=2)", "kmeans-projection"])
def test_follows_turns_shifts_and_units(spec: str, seed: int, unit: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    z = torch.arange(120) % 2
    scales = torch.linspace(0.5, 3.0, 6, dtype=torch.float64)
    x = torch.randn(120, 6, generator=generator, dtype=torch.float64) * scales + 8.0 * z[:, None]
    turn = torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64)).Q * unit
    expected = fit(spec, x, z)(x) @ turn + 2.0
    torch.testing.assert_close(fit(spec, x @ turn + 2.0, z)(x @ turn + 2.0), expected, rtol=1e-6, atol=1e-6 * unit)


class TestLda:
    def test_direction_is_scikit_learns(self, binary: Data) -> None:
        x, z = binary
        theirs = LinearDiscriminantAnalysis(solver="lsqr").fit(x.numpy(), z.numpy()).coef_
        assert cosine(fit("lda-projection", x, z).read, torch.from_numpy(theirs)) == pytest.approx(1.0, abs=1e-10)

    def test_directions_are_scikit_learns(self, multiclass: Data) -> None:
        x, z = multiclass
        theirs = torch.from_numpy(LinearDiscriminantAnalysis(solver="eigen").fit(x.numpy(), z.numpy()).scalings_[:, :4])
        ours = fit("lda-projection", x, z).read
        theirs = torch.linalg.qr(theirs).Q
        torch.testing.assert_close(ours @ ours.T, theirs @ theirs.T, rtol=0, atol=1e-8)

    def test_reads_what_leace_reads_and_does_not_guard(self, multiclass: Data) -> None:
        x, z = multiclass
        ours, leace = fit("lda-projection", x, z), fit("leace", x, z)
        read = torch.linalg.qr(leace.read).Q
        torch.testing.assert_close(ours.read @ ours.read.T, read @ read.T, rtol=0, atol=1e-9)
        gap = max(float((ours(x)[z == c].mean(0) - x.mean(0)).norm()) for c in range(5))
        assert gap > 0.1

    def test_real_labels_give_the_regression(self, continuous: Data) -> None:
        x, z = continuous
        weights = torch.linalg.lstsq(x - x.mean(0), z - z.mean(0)).solution
        read = torch.linalg.qr(weights).Q
        ours = fit("lda-projection", x, z).read
        torch.testing.assert_close(ours @ ours.T, read @ read.T, rtol=0, atol=1e-9)

    def test_constant_and_repeated_features(self, binary: Data) -> None:
        x, z = binary
        x = torch.cat([x, x[:, :2], torch.full((len(x), 1), 0.1, dtype=torch.float64)], dim=1)
        edit = fit("lda-projection", x, z)
        assert edit.rank == 1
        assert float(edit.read[-1].abs().max()) < 1e-12

    def test_one_class_is_no_edit(self, binary: Data) -> None:
        assert fit("lda-projection", binary[0], torch.zeros(600, dtype=torch.int64)).rank == 0


class TestPca:
    def test_components_are_scikit_learns(self, binary: Data) -> None:
        x, z = binary
        theirs = torch.from_numpy(PCA(3).fit(x.numpy()).components_).T
        ours = fit("pca-projection(rank=3)", x, z).read
        torch.testing.assert_close(ours @ ours.T, theirs @ theirs.T, rtol=0, atol=1e-9)

    def test_labels_do_not_matter(self, binary: Data) -> None:
        x, z = binary
        assert torch.equal(fit("pca-projection", x, z).read, fit("pca-projection", x, 1 - z).read)

    def test_misses_a_concept_that_little_varies_along(self) -> None:
        """Unsupervised: the loudest direction goes, the concept stays."""
        z = torch.arange(400) % 2
        x = torch.randn(400, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        x[:, 0], x[:, 1] = 10 * x[:, 0], x[:, 1] + 3 * z
        edit = fit("pca-projection", x, z)
        assert float(edit.read[0].abs()) > 0.99
        edited = edit(x)
        assert float(edited[z == 1, 1].mean() - edited[z == 0, 1].mean()) > 2.5

    def test_no_more_than_there_is(self, binary: Data) -> None:
        x, z = binary
        assert fit("pca-projection(rank=20)", x[:10], z[:10]).rank == 9


class TestKmeans:
    def test_two_clusters_apart_are_mean_projection(self) -> None:
        z = torch.arange(400) % 2
        x = torch.randn(400, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        x[:, 2] = x[:, 2] + 12 * z
        for unsupervised in (z, z.roll(7)):  # labels do not matter
            edit = fit("kmeans-projection", x, unsupervised)
            assert edit.fingerprint == fit("mean-projection", x, z).fingerprint

    @pytest.mark.parametrize(("spec", "rank"), [("kmeans-projection", 4), ("kmeans-projection(clusters=3)", 2)])
    def test_one_direction_fewer_than_clusters(self, spec: str, rank: int, multiclass: Data) -> None:
        assert fit(spec, *multiclass).rank == rank

    def test_seed_is_the_only_chance(self, multiclass: Data) -> None:
        x, _ = multiclass
        assert torch.equal(cluster(x, 4, 1), cluster(x, 4, 1))

    def test_fewer_distinct_rows_than_clusters(self) -> None:
        x = torch.tensor([[0.0, 1.0], [2.0, 1.0]], dtype=torch.float64).repeat(6, 1)
        assert fit("kmeans-projection(clusters=4)", x, torch.arange(12) % 2).rank == 1
        with pytest.raises(FitError, match="do not differ"):
            fit("kmeans-projection", torch.ones(6, 3), torch.arange(6) % 2)

    def test_one_cluster_is_an_error_at_once(self) -> None:
        with pytest.raises(MethodError, match="at least 2"):
            get_method("kmeans-projection(clusters=1)")
