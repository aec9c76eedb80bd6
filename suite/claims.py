"""Claims: what a method says of its edits, as functions that measure whether it holds on given activations.

Each takes `(edit, x, z)` with x `[n, d]` of any floating dtype and z int64 `[n]` or float64 `[n, k]`, normally the data
that the edit was fitted on, and returns a number that is zero when the claim holds exactly, next to its tolerance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from interpmark.methods import Edit
from interpmark.methods.erasers.leace import leace
from interpmark.methods.errors import did_you_mean
from interpmark.methods.labels import label_matrix
from interpmark.methods.statistics import statistics
from interpmark.methods.whitening import RANK_TOLERANCE, varying

_TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 1e-1}
_PROBES = 256  # rows that pairwise facts are checked on


@dataclass(frozen=True)
class ClaimResult:
    """Whether a claim holds.

    Attributes:
        name: The claim.
        holds: Whether `value` is at most `tolerance`.
        value: How far the claim is from holding exactly, relative to the natural size of the quantity.
        tolerance: What rounding in the dtype of x may cost.
        message: What was found, and if the claim is broken, what to do.

    """

    name: str
    holds: bool
    value: float
    tolerance: float
    message: str


Claim = Callable[[Edit, Tensor, Tensor], ClaimResult]


def guards_linearly(edit: Edit, x: Tensor, z: Tensor) -> ClaimResult:
    """All class means are equal after the edit (real labels: Cov(x', z) = 0), relative to how they differed before."""
    before, after = _association(x, z), _association(_edited(edit, x, z), z)
    value = float(after / before) if before > RANK_TOLERANCE * x.abs().max() else 0.0  # rounding is no association
    return _result(
        "guards-linearly",
        value,
        x,
        f"{value:.1e} of the linear association with the labels is left on the fit data",
        "remove every direction along which class means differ, in float64, with tolerances relative to the data",
    )


def idempotent(edit: Edit, x: Tensor, z: Tensor) -> ClaimResult:
    """A second edit changes nothing, relative to the spread of x."""
    once = _edited(edit, x, z)
    value = float((_double(_edited(edit, once, z)) - _double(once)).norm() / _spread(x))
    return _result(
        "idempotent",
        value,
        x,
        f"a second edit moves the activations by {value:.1e} of their spread",
        "a projection needs orthonormal directions, or read and write with writeᵀ read = I, and a centre that stays",
    )


def affine(edit: Edit, x: Tensor, z: Tensor) -> ClaimResult:
    """Edits of weighted means are weighted means of edits, outside the segment as well."""
    if edit.needs_labels:
        return _result(
            "affine", float("inf"), x, "the edit depends on the labels, and not on x alone", "drop the claim"
        )
    a, b = x, x.flip(0)
    t = torch.linspace(-1.0, 2.0, x.shape[0], dtype=x.dtype, device=x.device)[:, None]
    mixed = _double(edit(t * a + (1 - t) * b))
    value = float((mixed - _double(t) * _double(edit(a)) - _double(1 - t) * _double(edit(b))).norm() / _spread(x))
    return _result(
        "affine",
        value,
        x,
        f"the edit of a weighted mean is off the mean of the edits by {value:.1e} of the spread",
        "an affine edit is x' = A x + b with A and b fixed at the fit; drop the claim if yours is not",
    )


def minimal_edit(edit: Edit, x: Tensor, z: Tensor) -> ClaimResult:
    """The edit guards, and its mean square is that of LEACE on these data: the least that an affine guard can do."""
    x64 = _double(x)
    best = leace(statistics(x64, label_matrix(z).reshape(x.shape[0], -1)))
    least = float((best(x64) - x64).square().sum())
    made = float((_double(_edited(edit, x, z)) - x64).square().sum())
    excess = abs(made - least) / (least if least > 0 else float(_spread(x)) ** 2)
    value = max(excess, guards_linearly(edit, x, z).value)
    return _result(
        "minimal-edit",
        value,
        x,
        f"the edit is off the smallest affine guard by {value:.1e}, in its square or in what it leaves",
        "only the oblique projection of LEACE, with the covariance as it is (no shrinkage) and centred, is minimal",
        tolerance=max(1e-6, _TOLERANCE[x.dtype]),
    )


def mean_preserving(edit: Edit, x: Tensor, z: Tensor) -> ClaimResult:
    """The mean stays, relative to the spread of x."""
    gap = (_double(_edited(edit, x, z)).mean(0) - _double(x).mean(0)).norm()
    value = float(gap * x.shape[0] ** 0.5 / _spread(x))
    return _result(
        "mean-preserving",
        value,
        x,
        f"the mean moves by {value:.1e} standard deviations",
        "centre the edit: AffineEdit.projection(directions, center=x.mean(0))",
    )


def orthogonal(edit: Edit, x: Tensor, z: Tensor) -> ClaimResult:
    """What is removed of any activation is orthogonal to what is kept of any other."""
    if edit.needs_labels:
        return _result("orthogonal", float("inf"), x, "the edit depends on the labels", "drop the claim")
    mean = x.mean(0)
    rows = (x - mean)[:_PROBES]
    noise = torch.randn(rows.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(x)
    probes = torch.cat([rows, noise * x.std(0, correction=0)])  # [m, d]; the rows alone may not span the space
    kept = _double(edit(mean + probes)) - _double(edit(mean[None]))  # [m, d], the linear part of the edit
    removed = _double(probes) - kept
    size = float(_double(probes).norm(dim=1).amax()) ** 2
    value = float((removed @ kept.T).abs().max()) / (size if size > 0 else 1.0)
    return _result(
        "orthogonal",
        value,
        x,
        f"what is removed and what is kept have a product of {value:.1e}, relative to the largest activation",
        "an orthogonal projection has read = write with orthonormal columns",
    )


CLAIMS: Mapping[str, Claim] = MappingProxyType(
    {
        "guards-linearly": guards_linearly,
        "idempotent": idempotent,
        "affine": affine,
        "minimal-edit": minimal_edit,
        "mean-preserving": mean_preserving,
        "orthogonal": orthogonal,
    }
)


def check_claims(edit: Edit, x: Tensor, z: Tensor, claims: Iterable[str]) -> list[ClaimResult]:
    """Return a result for each claim, in the order of `CLAIMS`.

    Raises:
        ValueError: A claim is unknown.

    """
    wanted = set(claims)
    for name in sorted(wanted - set(CLAIMS)):
        raise ValueError(f"unknown claim {name!r}{did_you_mean(name, CLAIMS)} Known: {', '.join(CLAIMS)}.")
    return [check(edit, x, z) for name, check in CLAIMS.items() if name in wanted]


def _association(x: Tensor, z: Tensor) -> Tensor:
    """Return the longest deviation of a class mean, or the longest covariance of x with a standardised label."""
    centred = _double(x) - _double(x).mean(0)
    if not z.is_floating_point():
        return torch.stack([centred[z == c].mean(0).norm() for c in sorted(set(z.tolist()))]).max()
    moments = statistics(x, label_matrix(z).reshape(x.shape[0], -1))
    varies = varying(moments.cov_zz, moments.mean_z)
    if not bool(varies.any()):
        return centred.new_zeros(())
    deviations = moments.cov_zz.diagonal()[varies].sqrt()
    longest: Tensor = (moments.cov_xz[:, varies] / deviations).norm(dim=0).max()
    return longest


def _edited(edit: Edit, x: Tensor, z: Tensor) -> Tensor:
    return edit(x, z) if edit.needs_labels else edit(x)


def _double(x: Tensor) -> Tensor:
    return x.to(torch.float64)


def _spread(x: Tensor) -> Tensor:
    """Return ‖x − mean‖, or one when all rows are equal."""
    spread = (_double(x) - _double(x).mean(0)).norm()
    return spread if bool(spread > 0) else torch.ones_like(spread)


def _result(name: str, value: float, x: Tensor, found: str, advice: str, tolerance: float | None = None) -> ClaimResult:
    tolerance = _TOLERANCE[x.dtype] if tolerance is None else tolerance
    holds = value <= tolerance  # NaN does not hold
    end = "" if holds else f" (allowed in {str(x.dtype).removeprefix('torch.')}: {tolerance:.0e}); {advice}"
    return ClaimResult(name, holds, value, tolerance, found + end)
