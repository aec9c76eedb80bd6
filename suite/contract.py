"""What the contract of a method asks, one plain function each.

A check takes a configured method, fits it on small data, and raises `CheckFailed` with what to do, or `CheckSkipped`
with why it does not apply. An exception of the method's own passes through.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import torch

from interpmark.methods import Edit, EditError, MethodSpec, load_edit, save_edit

from .check_data import Rows, constant_feature, outlier_feature, planted_rows, wide_rows
from .claims import check_claims

SEED = 0
FITTED_ON_ACTIVATIONS = ("eraser", "steerer")


class CheckFailed(AssertionError):  # noqa: N818 (it is named for what is raised, as in pytest)
    """The method does not keep this part of the contract; the message says what to do."""


class CheckSkipped(Exception):  # noqa: N818 (a skip is no error)
    """The check does not apply to this method; the message says why."""


def _rows(method: MethodSpec, make: Callable[[str], Rows] = planted_rows, labels: str | None = None) -> Rows:
    """Return data with the labels asked for, or with the first kind that the method supports."""
    if method.info.kind not in FITTED_ON_ACTIVATIONS:
        raise CheckSkipped(f"the checks are for methods that return edits, and this is a {method.info.kind}")
    if method.info.needs_bench:
        raise CheckSkipped("it is fitted with fit_on(bench), which needs a subject")
    supported = [kind for kind in ("binary", "multiclass", "continuous") if kind in method.info.supports]
    if labels is not None and labels not in supported:
        raise CheckSkipped(f"it does not support {labels} labels")
    return make(labels or supported[0])


def _fit(method: MethodSpec, rows: Rows, seed: int = SEED) -> Edit:
    """Fit on copies, so that a method that changes its input fails the check for that and no other."""
    edit = method.build().fit(rows.x.clone(), rows.z.clone(), seed=seed)
    if not isinstance(edit, Edit):
        raise CheckFailed(
            f"fit returned {type(edit).__name__} and not an Edit; return one of interpmark.methods, such as "
            "AffineEdit.projection(directions, center=x.mean(0)), or a subclass of Edit"
        )
    return edit


def _apply(edit: Edit, rows: Rows) -> torch.Tensor:
    return edit(rows.x, rows.z) if edit.needs_labels else edit(rows.x)


def _fit_and_apply(method: MethodSpec, rows: Rows) -> None:
    edited = _apply(_fit(method, rows), rows)
    if not bool(edited.isfinite().all()):
        bad = int((~edited.isfinite()).any(dim=-1).sum())
        raise CheckFailed(
            f"{bad} of {len(rows.x)} edited rows hold NaN or infinity; look for a division by a zero variance, the "
            "inverse of a singular covariance, or a class without rows"
        )


def check_fits_binary(method: MethodSpec) -> None:
    """It fits two classes, and its edit is finite."""
    _fit_and_apply(method, _rows(method, labels="binary"))


def check_fits_multiclass(method: MethodSpec) -> None:
    """It fits four classes, and its edit is finite."""
    _fit_and_apply(method, _rows(method, labels="multiclass"))


def check_fits_continuous(method: MethodSpec) -> None:
    """It fits real labels, and its edit is finite."""
    _fit_and_apply(method, _rows(method, labels="continuous"))


def check_fits_fewer_rows_than_features(method: MethodSpec) -> None:
    """It fits n < d, where covariances are singular."""
    _fit_and_apply(method, _rows(method, wide_rows))


def check_fits_constant_feature(method: MethodSpec) -> None:
    """It fits data with a feature of variance zero."""
    _fit_and_apply(method, _rows(method, constant_feature))


def check_returns_edit(method: MethodSpec) -> None:
    """`fit` returns an `Edit` for activations of the size that it was fitted on."""
    rows = _rows(method)
    edit = _fit(method, rows)
    if edit.d != rows.x.shape[1]:
        raise CheckFailed(f"the edit is for activations of size {edit.d}, but was fitted on size {rows.x.shape[1]}")


def check_keeps_shape(method: MethodSpec) -> None:
    """The edit maps `[..., d]` to the same shape, with any number of leading dimensions."""
    rows = _rows(method)
    edit = _fit(method, rows)
    for shape in ((6,), (2, 3), (1, 2, 3)):
        x = rows.x[:6].reshape(*shape, -1)
        z = rows.z[:6].reshape(*shape, *rows.z.shape[1:])
        out = _apply(edit, Rows(x, z))
        if out.shape != x.shape:
            raise CheckFailed(
                f"activations {tuple(x.shape)} became {tuple(out.shape)}; an edit keeps the shape, whatever "
                "dimensions come before the last: use x @ a, not a @ x, and no fixed number of dimensions"
            )


def check_keeps_dtype(method: MethodSpec) -> None:
    """The edit hands back the dtype that it was given."""
    rows = _rows(method)
    edit = _fit(method, rows)
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        out = _apply(edit, Rows(rows.x.to(dtype), rows.z))
        if out.dtype != dtype:
            raise CheckFailed(f"activations of {dtype} became {out.dtype}; end the edit with .to(x.dtype)")


def check_float32_is_close(method: MethodSpec) -> None:
    """Applied in float32 the edit does what it does in float64, also next to a feature of large variance."""
    rows = _rows(method, outlier_feature)
    edit = _fit(method, rows)
    exact, rounded = _apply(edit, rows), _apply(edit, Rows(rows.x.float(), rows.z)).double()
    error = float((exact - rounded).norm() / rows.x.norm())
    if not error <= 1e-5:
        raise CheckFailed(
            f"applied in float32 the edit is off by {error:.1e} of the activations; keep its factors in float64, "
            "subtract the centre before multiplying, and avoid factors that cancel"
        )


def check_leaves_input_alone(method: MethodSpec) -> None:
    """Neither `fit` nor the edit changes the tensors that it is given."""
    rows = _rows(method)
    x, z = rows.x.clone(), rows.z.clone()
    edit = method.build().fit(x, z, seed=SEED)
    if not torch.equal(x, rows.x) or not torch.equal(z, rows.z):
        raise CheckFailed("fit changed its input in place; work on a copy: x = x - x.mean(0), not x -= x.mean(0)")
    if isinstance(edit, Edit):
        _apply(edit, Rows(x, z))
        if not torch.equal(x, rows.x):
            raise CheckFailed("the edit changed its input in place; return a new tensor")


def check_is_deterministic(method: MethodSpec) -> None:
    """Two fits with the same seed give the same edit, bit for bit, whatever the global random state is."""
    rows = _rows(method)
    state = torch.get_rng_state()
    try:
        edited = []
        for global_seed in (1, 2):
            torch.manual_seed(global_seed)
            edited.append(_apply(_fit(method, rows), rows))
    finally:
        torch.set_rng_state(state)
    if not torch.equal(*edited):
        raise CheckFailed(
            "two fits with the same seed gave different edits; draw from torch.Generator().manual_seed(seed) or "
            "numpy.random.default_rng(seed), never from the global random state"
        )


def check_saves_and_loads(method: MethodSpec) -> None:
    """The edit that is saved and loaded again is the same map."""
    rows = _rows(method)
    edit = _fit(method, rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edit.safetensors"
        try:
            save_edit(edit, path)
            loaded = load_edit(path)
        except EditError as error:
            raise CheckFailed(str(error)) from error
    if not torch.equal(_apply(edit, rows), _apply(loaded, rows)):
        raise CheckFailed(
            "the edit that was loaded is another map than the one saved; tensors() must return everything that the "
            "edit depends on, and from_tensors() must restore it"
        )


def check_keeps_claims(method: MethodSpec) -> None:
    """Every claim that the method declares holds on the data it was fitted on, for all labels that it supports."""
    if not method.claims:
        raise CheckSkipped("it claims nothing")
    _rows(method)
    broken = []
    for labels in sorted(method.info.supports):
        for make in (planted_rows, wide_rows, outlier_feature):
            rows = _rows(method, make, labels)
            results = check_claims(_fit(method, rows), rows.x, rows.z, method.claims)
            broken += [f"{r.name} ({labels}, {make.__name__}): {r.message}" for r in results if not r.holds]
    if broken:
        raise CheckFailed("; ".join(broken))


Check = Callable[[MethodSpec], None]

CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        check.__name__.removeprefix("check_"): check
        for check in (
            check_fits_binary,
            check_fits_multiclass,
            check_fits_continuous,
            check_fits_fewer_rows_than_features,
            check_fits_constant_feature,
            check_returns_edit,
            check_keeps_shape,
            check_keeps_dtype,
            check_float32_is_close,
            check_leaves_input_alone,
            check_is_deterministic,
            check_saves_and_loads,
            check_keeps_claims,
        )
    }
)
"""The checks by name, in the order that they are run in."""
