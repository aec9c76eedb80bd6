"""SAL through Gram matrices: the same as through the features, the same as SAL where the kernel is linear, a guard."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from interpmark.methods import EditError, IdentityEdit, MethodError, get_method, load_edit, save_edit
from interpmark.methods.edits import Edit
from interpmark.methods.erasers.sal import Sal
from interpmark.methods.kernel_edit import KernelEdit, kernel
from interpmark.methods.labels import label_matrix
from interpmark.methods.statistics import statistics

Data = tuple[Tensor, Tensor]


def fit(spec: str, x: Tensor, z: Tensor) -> Edit:
    edit = get_method(spec).build().fit(x, z, seed=0)
    assert isinstance(edit, Edit)
    return edit


def of_degree(method: Sal, x: Tensor, z: Tensor, degree: int) -> Edit:
    labels = label_matrix(z).reshape(len(x), -1)
    return method._fit_kernel(x, labels, statistics(x, labels), degree)


@pytest.mark.parametrize("data", ["binary", "multiclass", "continuous"])
def test_with_a_linear_kernel_it_is_sal(data: str, request: pytest.FixtureRequest) -> None:
    """(1 + x·y) has the features x and a constant, which the centring takes out."""
    x, z = request.getfixturevalue(data)
    torch.testing.assert_close(of_degree(Sal(), x, z, 1)(x), fit("sal", x, z)(x), rtol=0, atol=1e-8)


@pytest.mark.parametrize("rank", [1, 2, 4])
def test_gram_matrices_do_what_features_do(rank: int, multiclass: Data) -> None:
    """Degree two has the features 1, √2 x and all products: project there, and read x off them again."""
    x, z = multiclass
    x = x[:, :5]
    mean, length = x.mean(0), (x - x.mean(0)).square().sum(1).mean().sqrt()
    scaled = (x - mean) / length
    products = torch.einsum("ni,nj->nij", scaled, scaled).flatten(1)
    features = torch.cat([2**0.5 * scaled, products], dim=1)
    features = features - features.mean(0)
    one_hot = torch.nn.functional.one_hot(z).double()
    centred = one_hot - one_hot.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(x))
    whitened = centred @ (vectors[:, 1:] * values[1:].rsqrt())  # the shares sum to one, so one direction is empty
    u = torch.linalg.svd(features.T @ whitened, full_matrices=False).U[:, :rank]
    erased = features - features @ u @ u.T
    expected = erased[:, :5] / 2**0.5 * length + mean
    torch.testing.assert_close(fit(f"sal(rank={rank}, kernel=poly)", x, z)(x), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("spec", ["sal(kernel=rbf)", "sal(kernel=poly)"])
def test_follows_turns_shifts_and_units(spec: str, multiclass: Data) -> None:
    x, z = multiclass
    turn = torch.linalg.qr(torch.randn(24, 24, generator=torch.Generator().manual_seed(0)).double()).Q * 100
    expected = fit(spec, x, z)(x) @ turn - 3.0
    torch.testing.assert_close(fit(spec, x @ turn - 3.0, z)(x @ turn - 3.0), expected, rtol=0, atol=1e-6)


def test_a_concept_that_no_linear_predictor_sees_is_left_alone() -> None:
    x = torch.randn(400, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = torch.cat([x, -x])  # symmetric, so that Cov(x, z) is zero for a label of the radius
    z = (x.square().sum(1) > 3.0).long()
    torch.testing.assert_close(fit("sal(kernel=poly)", x, z)(x), x, rtol=0, atol=1e-12)


def test_far_from_the_data_the_radial_kernel_only_shifts(binary: Data) -> None:
    edit = fit("sal(kernel=rbf)", *binary)
    far = 1e4 * torch.randn(3, 24, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    moved = edit(far) - far
    torch.testing.assert_close(moved, moved[:1].expand(3, 24), rtol=0, atol=1e-9)


@pytest.mark.parametrize("spec", ["sal(kernel=rbf)", "sal(kernel=poly)"])
def test_nothing_to_erase_is_no_edit(spec: str, binary: Data) -> None:
    x, z = binary
    assert isinstance(fit(spec, x, torch.zeros_like(z)), IdentityEdit)
    assert isinstance(fit(spec, torch.ones_like(x), z), IdentityEdit)


def test_files_and_chunks(tmp_path: Path, binary: Data) -> None:
    x, z = binary
    edit = fit("sal(kernel=poly)", x, z)
    save_edit(edit, tmp_path / "e")
    loaded = load_edit(tmp_path / "e")
    many = x.repeat(8, 1)
    assert isinstance(loaded, KernelEdit) and torch.equal(loaded(many), edit(many))
    torch.testing.assert_close(edit(many)[-600:], edit(x), rtol=0, atol=1e-10)


def test_kernels() -> None:
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=torch.float64)
    torch.testing.assert_close(kernel(x, x, 0)[0], torch.tensor([0.0, -12.5], dtype=torch.float64).exp())
    assert kernel(x, x, 2).tolist() == [[1.0, 1.0], [1.0, 676.0]]


def test_what_cannot_be() -> None:
    with pytest.raises(MethodError, match="kernel must be"):
        Sal(kernel="cosine")  # type: ignore[arg-type]
    with pytest.raises(MethodError, match="kernel"):
        get_method("sal(kernel=cosine)")
    one = torch.zeros(1)
    with pytest.raises(EditError, match=r"dual must have shape \(4, 1\)"):
        KernelEdit(torch.zeros(4, 3), torch.zeros(3, 1), one, torch.zeros(3, 1), torch.zeros(3), one)
