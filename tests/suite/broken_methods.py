"""Methods that break the contract, one fault each, and the check that must catch it."""

from typing import Any

import torch
from torch import Tensor

from interpmark.methods import AffineEdit, ConstantEdit, Edit, IdentityEdit, register

CAUGHT_BY: dict[str, str] = {}
"""The check that a broken method must fail, by method."""


def broken(name: str, check: str, **options: Any) -> Any:
    CAUGHT_BY[f"broken-{name}"] = check
    return register(f"broken-{name}", **{"kind": "eraser", **options})


@broken("raises", "fits_binary")
class Raises:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        raise RuntimeError("no luck today")


@broken("nothing", "returns_edit")
class ReturnsNothing:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> None:
        return None


@broken("multiclass", "fits_multiclass")
class OnlyBinary:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        if not z.is_floating_point() and int(z.max()) > 1:
            raise ValueError("two classes only")
        return IdentityEdit(x.shape[1])


@broken("continuous", "fits_continuous")
class OnlyClasses:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        return AffineEdit.projection(x[z == 1].mean(0) - x[z == 0].mean(0))


class NanEdit(ConstantEdit):
    tag = "broken-nan"

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        return x / 0.0 * 0.0


@broken("nan", "fits_binary")
class ReturnsNan:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        return NanEdit(x.mean(0))


@broken("standardising", "fits_constant_feature")
class DividesByVariance:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        return ConstantEdit(x.mean(0) / x.var(0).clamp_max(1.0).masked_fill(x.std(0) < 1e-9, 0.0))


@broken("inverting", "fits_fewer_rows_than_features")
class InvertsCovariance:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        covariance = x.T.cov()
        if torch.linalg.matrix_rank(covariance) < len(covariance) - 1:
            raise torch.linalg.LinAlgError("singular matrix")
        return IdentityEdit(x.shape[1])


class FlatEdit(ConstantEdit):
    tag = "broken-flat"

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        return x.reshape(-1, self.d)


@broken("shape", "keeps_shape")
class WrongShape:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        return FlatEdit(x.mean(0))


class DoubleEdit(ConstantEdit):
    tag = "broken-double"

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        return x - self.value


@broken("dtype", "keeps_dtype")
class WrongDtype:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        return DoubleEdit(x.mean(0))


class HalfEdit(ConstantEdit):
    tag = "broken-half"

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        return x if x.dtype == torch.float64 else x.bfloat16().to(x.dtype)


@broken("precision", "float32_is_close")
class LosesPrecision:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        return HalfEdit(x.mean(0))


@broken("mutates-x", "leaves_input_alone")
class MutatesX:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        x -= x.mean(0)
        return IdentityEdit(x.shape[1])


@broken("mutates-z", "leaves_input_alone")
class MutatesZ:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        z.clamp_(max=0)
        return IdentityEdit(x.shape[1])


class InPlaceEdit(ConstantEdit):
    tag = "broken-in-place"

    def __call__(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        return x.sub_(self.value.to(x.dtype))


@broken("edits-in-place", "leaves_input_alone")
class EditsInPlace:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        return InPlaceEdit(x.mean(0))


@broken("random", "is_deterministic")
class Random:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        return ConstantEdit(torch.randn(x.shape[1]))


class UntaggedEdit(ConstantEdit):
    pass


@broken("unsavable", "saves_and_loads")
class Unsavable:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        return UntaggedEdit(x.mean(0))


class ForgetfulEdit(ConstantEdit):
    tag = "broken-forgetful"

    def tensors(self) -> dict[str, Tensor]:
        return {"value": self.value * 0.5}


@broken("forgetful", "saves_and_loads")
class Forgetful:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        return ForgetfulEdit(x.mean(0))


@broken("claims", "keeps_claims", claims={"guards-linearly", "idempotent", "minimal-edit"})
class ClaimsTooMuch:
    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        return AffineEdit.projection(torch.ones(x.shape[1]), center=x.mean(0)).scaled(0.5)
