"""Steerers on data whose means and directions are known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from interpmark.methods import AddedVector, FitError, MethodError, Steering, available, get_method
from interpmark.methods.steerers.directional_ablation import ablation as ablation_of
from interpmark.methods.steerers.repe import reading_vector

Data = tuple[Tensor, Tensor]
FITTED = [info.name for info in available() if info.kind == "steerer" and not info.needs_bench]
ADDING = ["caa", "mean-centring", "lda-steering", "probe-steering"]


def fit(spec: str, data: Data, seed: int = 0) -> Steering:
    edit = get_method(spec).build().fit(*data, seed=seed)
    assert isinstance(edit, Steering)
    return edit


def vector(spec: str, data: Data, seed: int = 0) -> Tensor:
    edit = fit(spec, data, seed)
    assert isinstance(edit, AddedVector)
    return edit.vector


def means(x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    return x[z == 0].mean(0), x[z == 1].mean(0)


def cosine(a: Tensor, b: Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(a, b, dim=0))


def planted(spread: float = 1.0, n: int = 2000, d: int = 24, shift: float = 4.0) -> Data:
    """Isotropic classes that differ along the first axis, far from the origin."""
    generator = torch.Generator().manual_seed(3)
    z = torch.arange(n) % 2
    x = 5.0 + spread * torch.randn(n, d, generator=generator, dtype=torch.float64)
    x[:, 0] += shift * z
    return x, z


@pytest.mark.parametrize("name", FITTED)
def test_a_steerer_starts_at_its_natural_strength(name: str, binary: Data) -> None:
    assert fit(name, binary).strength == 1.0


@pytest.mark.parametrize("name", ADDING)
def test_a_planted_direction_is_found_with_its_sign(name: str) -> None:
    x, z = planted()
    found = vector(name, (x, z))
    assert cosine(found, torch.eye(24).double()[0]) > 0.95
    # and the labels turned round turn it round
    assert cosine(vector(name, (x, 1 - z)), -found) > 0.95


@pytest.mark.parametrize("spec", [*FITTED, "swap(mode=translate)"])
def test_where_the_data_lie_does_not_matter(spec: str, binary: Data) -> None:
    x, z = binary
    moved = fit(spec, (x + 100.0, z))(x + 100.0)
    torch.testing.assert_close(moved - 100.0, fit(spec, (x, z))(x), atol=1e-5, rtol=1e-5)


def test_to_ablation_alone_it_matters_where_the_data_lie(binary: Data) -> None:
    """It takes the origin for a point without the concept; what it does to the data turns on where that is."""
    x, z = binary
    moved, stays = ablation_of(x + 100.0, z)(x + 100.0) - 100.0, ablation_of(x, z)(x)
    assert float((moved - stays).norm(dim=1).min()) > 1.0


@pytest.mark.parametrize(
    ("spec", "turned"),
    [
        ("ace", lambda strength: 1 - strength),
        ("alter-rep", lambda strength: -strength),
        ("swap(mode=reflect)", lambda strength: strength),
        ("swap(mode=translate)", lambda strength: strength),
    ],
)
def test_with_the_labels_turned_round_the_way_is_the_same(
    spec: str, turned: Callable[[float], float], binary: Data
) -> None:
    """ACE's ends exchange their names and AlterRep its sides; a swap goes away from the own class, whichever it is."""
    x, z = binary
    for strength in (0.25, 1.0, 2.0):
        other = fit(spec, (x, 1 - z)).at(turned(strength))
        torch.testing.assert_close(other(x), fit(spec, (x, z)).at(strength)(x), atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_with_hardly_more_rows_than_dimensions_shrinkage_finds_the_discriminant(seed: int) -> None:
    """There an unshrunk covariance is nearly singular, and its inverse is of the sample's noise."""
    generator = torch.Generator().manual_seed(seed)
    z = torch.arange(66) % 2
    x = torch.randn(66, 60, generator=generator, dtype=torch.float64)
    x[:, 0] += 4.0 * z
    zero, one = means(x, z)
    within = x - torch.stack([zero, one])[z]
    unshrunk = torch.linalg.pinv(within.T @ within, hermitian=True) @ (one - zero)
    axis = torch.eye(60).double()[0]
    assert cosine(vector("lda-steering", (x, z)), axis) > max(0.6, cosine(unshrunk, axis) + 0.2)


def test_caa_moves_one_class_mean_onto_the_other(binary: Data) -> None:
    x, z = binary
    edit, (zero, one) = fit("caa", binary), means(x, z)
    torch.testing.assert_close(edit(x)[z == 0].mean(0), one)
    torch.testing.assert_close(edit.at(-1.0)(x)[z == 1].mean(0), zero)


def test_the_mean_difference_of_pairs_is_the_difference_of_means() -> None:
    """CAA's papers average the differences of contrast pairs; over whole pairs that is the same vector."""
    x, z = planted(n=200)
    pairs = (x[z == 1] - x[z == 0]).mean(0)
    torch.testing.assert_close(vector("caa", (x, z)), pairs)


def test_where_all_directions_agree() -> None:
    """With white noise the discriminant, and with a strong weight decay the probe, are the difference of means."""
    x, z = planted(n=4000)
    zero, one = means(x, z)
    # whitened within classes, so that the covariance is the identity on these very rows
    within = x - torch.stack([zero, one])[z]
    root = torch.linalg.cholesky(torch.linalg.inv(within.T @ within / len(x)))
    white = x @ root
    delta = vector("caa", (white, z))
    torch.testing.assert_close(vector("lda-steering", (white, z)), delta, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(
        vector("probe-steering(weight_decay=1e4)", (x, z)), vector("caa", (x, z)), rtol=1e-3, atol=1e-3
    )


def test_a_probe_carries_a_class_mean_to_the_other_along_its_direction(binary: Data) -> None:
    x, z = binary
    zero, one = means(x, z)
    v = vector("probe-steering", binary)
    torch.testing.assert_close((zero + v) @ v, one @ v)
    assert v.norm() < (one - zero).norm()


def test_the_discriminant_points_to_what_tells_the_classes_apart(binary: Data) -> None:
    """No direction separates the class means further, in units of the spread within classes, and it is CAA's length."""
    x, z = binary
    zero, one = means(x, z)
    within = x - torch.stack([zero, one])[z]

    def separation(v: Tensor) -> float:
        return float(((one - zero) @ v) ** 2 / (within @ v).square().mean())

    found, delta = vector("lda-steering", binary), vector("caa", binary)
    torch.testing.assert_close(found.norm(), delta.norm())
    others = [delta, vector("probe-steering", binary), *(vector("random-steering", binary, s) for s in range(5))]
    assert separation(found) > max(separation(v) for v in others)


def test_mean_centring_is_caa_shorter_by_the_other_class_share(binary: Data) -> None:
    _, z = binary
    torch.testing.assert_close(vector("mean-centring", binary), (z == 0).double().mean() * vector("caa", binary))


def test_random_steering_is_as_long_as_caa_and_points_anywhere(make_gaussian: Callable[..., Data]) -> None:
    data = make_gaussian(300, 400, 2)
    delta = vector("caa", data)
    draws = [vector("random-steering", data, seed) for seed in range(20)]
    for draw in draws:
        torch.testing.assert_close(draw.norm(), delta.norm())
    cosines = torch.tensor([cosine(draw, delta) for draw in draws])
    assert cosines.abs().max() < 4 / 400**0.5
    assert (draws[0] - draws[1]).abs().max() > 0


def both_ways(differences: Tensor) -> Tensor:
    return torch.cat([differences, -differences])


def test_pca_of_pairs_in_a_fixed_order_loses_the_concept() -> None:
    """Centring removes the mean of differences that all point one way, and this mean is the concept."""
    x, z = planted()
    axis = torch.eye(24).double()[0]
    fixed = x[z == 1] - x[z == 0]
    centred = torch.linalg.svd(fixed - fixed.mean(0), full_matrices=False).Vh[0]
    assert abs(cosine(centred, axis)) < 0.5
    zero, one = means(x, z)
    found = reading_vector(both_ways(fixed), one - zero)
    assert cosine(found, axis) > 0.95
    torch.testing.assert_close(found.norm(), torch.tensor(1.0).double())
    # the labels give the sign
    torch.testing.assert_close(reading_vector(both_ways(-fixed), one - zero), found)
    torch.testing.assert_close(reading_vector(both_ways(fixed), zero - one), -found)


def test_in_little_noise_the_principal_component_is_the_difference_of_means() -> None:
    x, z = planted(spread=0.05)
    zero, one = means(x, z)
    assert cosine(reading_vector(both_ways(x[z == 1] - x[z == 0]), one - zero), one - zero) > 0.9999


def test_a_strong_nuisance_passes_for_the_concept() -> None:
    """What varies most between pairs is found, be it the concept or not; the difference of means is not misled."""
    x, z = planted()
    x[:, 1] *= 10.0
    axis = torch.eye(24).double()[0]
    zero, one = means(x, z)
    assert abs(cosine(reading_vector(both_ways(x[z == 1] - x[z == 0]), one - zero), axis)) < 0.3
    assert cosine(vector("caa", (x, z)), axis) > 0.9


def test_ace_meets_the_class_means_at_0_and_1(binary: Data) -> None:
    x, z = binary
    edit, (zero, one) = fit("ace", binary), means(x, z)
    r = (one - zero) / (one - zero).norm()
    for strength, reference in ((0.0, zero), (1.0, one)):
        edited = edit.at(strength)(x)
        torch.testing.assert_close(edited @ r, (reference @ r).expand(len(x)))
    # a class at its own reference keeps its mean
    torch.testing.assert_close(edit.at(0.0)(x)[z == 0].mean(0), zero)
    torch.testing.assert_close(edit.at(1.0)(x)[z == 1].mean(0), one)


def test_ace_does_not_see_what_lay_along_its_direction(binary: Data) -> None:
    x, z = binary
    edit, (zero, one) = fit("ace", binary), means(x, z)
    moved = x + torch.linspace(-5, 5, len(x), dtype=torch.float64)[:, None] * (one - zero)
    torch.testing.assert_close(edit(moved), edit(x))


def test_ablation_is_ace_without_a_reference(binary: Data) -> None:
    x, z = binary
    zero, one = means(x, z)
    ablation = ablation_of(*binary)
    ace = fit("ace", binary)
    r = (one - zero) / (one - zero).norm()
    torch.testing.assert_close(ablation(x) @ r, torch.zeros(len(x)).double())
    torch.testing.assert_close(ablation(ablation(x)), ablation(x))
    torch.testing.assert_close(ablation(x) + (zero @ r) * r, ace.at(0.0)(x))


def test_reflection_undoes_itself_and_exchanges_the_means(binary: Data) -> None:
    x, z = binary
    edit, (zero, one) = fit("swap(mode=reflect)", binary), means(x, z)
    edited = edit(x)
    torch.testing.assert_close(edit(edited), x)
    middle = (zero + one) / 2
    torch.testing.assert_close((edited - middle).norm(dim=1), (x - middle).norm(dim=1))
    torch.testing.assert_close(edited[z == 0].mean(0), one)
    torch.testing.assert_close(edited[z == 1].mean(0), zero)


def test_translation_exchanges_the_means_and_goes_on_when_repeated(binary: Data) -> None:
    x, z = binary
    edit, (zero, one) = fit("swap(mode=translate)", binary), means(x, z)
    edited = edit(x, z)
    torch.testing.assert_close(edited[z == 0].mean(0), one)
    torch.testing.assert_close(edited[z == 1].mean(0), zero)
    twice = edit(edited, z)  # with fixed labels it is no involution
    torch.testing.assert_close(twice[z == 0].mean(0), 2 * one - zero)


def test_translation_by_the_side_is_translation_by_the_class_where_sides_tell_classes() -> None:
    x, z = planted(spread=0.3)
    edit = fit("swap(mode=translate)", (x, z))
    assert torch.equal(edit(x), edit(x, z))


def test_alter_rep_puts_every_activation_on_the_side_of_one_class(binary: Data) -> None:
    x, z = binary
    edit, (zero, one) = fit("alter-rep(rank=3)", binary), means(x, z)
    inlp = get_method("inlp(rank=3)").build().fit(x, z, seed=0)
    torch.testing.assert_close(edit.at(0.0)(x), inlp(x))
    assert ((edit.at(2.0)(x) - x.mean(0)) @ edit.directions >= -1e-9).all()
    assert ((edit.at(-2.0)(x) - x.mean(0)) @ edit.directions <= 1e-9).all()
    assert ((one - zero) @ edit.directions >= 0).all()


@pytest.mark.parametrize("name", FITTED)
def test_classes_without_a_difference_are_refused(name: str) -> None:
    x = torch.ones(10, 3, dtype=torch.float64)
    with pytest.raises(FitError, match="class means do not differ"):
        get_method(name).build().fit(x, torch.arange(10) % 2, seed=0)
    with pytest.raises(FitError, match="both 0 and 1"):
        get_method(name).build().fit(x, torch.zeros(10, dtype=torch.int64), seed=0)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("directional-ablation(sites=al)", "did you mean 'all'"),
        ("swap(mode=mirror)", "unknown mode 'mirror'"),
        ("repe(control=linaer)", "did you mean 'linear'"),
        ("caa(scope=lst)", "did you mean 'last'"),
        ("probe-steering(weight_decay=0)", "weight_decay must be above zero"),
        ("alter-rep(rank=0)", "rank must be at least 1"),
    ],
)
def test_parameters_are_checked_before_any_fit(spec: str, message: str) -> None:
    with pytest.raises(MethodError, match=message):
        get_method(spec).build()
