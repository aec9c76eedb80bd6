"""Fitting a method on a ground, and holding the edit that it returns to the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from interpmark.fixtures.subjects import SiteError
from interpmark.methods import Edit, MethodSpec, SiteEdits

from .bench import Bench
from .costs import Cost, measured
from .errors import ContractError
from .ground import Ground, Split
from .site_runs import in_order
from .time_limit import time_limit

# Rows that the edits of two fits are compared on.
COMPARED_ROWS = 64


@dataclass(frozen=True)
class Fitted:
    """An edit that keeps the contract, and what it does to each split.

    Attributes:
        edit: The edit.
        edited: Edited activations by split, `[n, d]` float64.
        fit_cost: Time and memory of the fit.
        apply_seconds: Time to edit the test split.

    """

    edit: Edit
    edited: Mapping[str, torch.Tensor]
    fit_cost: Cost
    apply_seconds: float


@dataclass(frozen=True)
class FittedSites:
    """Edits at several sites that keep the contract. What they do to a split is known when the subject has run.

    Attributes:
        edit: The edits.
        fit_cost: Time and memory of the fit.

    """

    edit: SiteEdits
    fit_cost: Cost


class Fitter:
    """Fits methods under a time limit and remembers which of them are not deterministic."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._verdicts: dict[str, str] = {}

    def fit(self, method: MethodSpec, ground: Ground, seed: int, bench: Bench | None = None) -> Fitted | FittedSites:
        """Fit a method and check what comes back.

        Raises:
            ContractError: The method changed its input, ran past the time limit, returned something other than an
                edit or `{site: edit}`, is not deterministic under its seed, its edit gives another shape, another
                dtype, NaN or infinity, or the subject has no such site.
            EditError: `{site: edit}` is empty, or holds something other than edits of one size.

        """
        with measured() as cost:
            edit = self._once(method, ground, seed, bench)
        self._check_deterministic(method, ground, seed, bench, edit)
        if isinstance(edit, SiteEdits):
            return FittedSites(edit, cost)
        with time_limit(self._limit, f"applying the edit of {method.name}"):
            splits = {"fit": ground.fit, "probe": ground.probe, "transfer": ground.transfer}
            edited = {name: apply(edit, split) for name, split in splits.items() if split is not None}
            with measured() as applied:
                edited["test"] = apply(edit, ground.test)
        return Fitted(edit, edited, cost, applied.seconds)

    def _once(self, method: MethodSpec, ground: Ground, seed: int, bench: Bench | None) -> Edit | SiteEdits:
        x, z = ground.fit.x.clone(), ground.fit.z.clone()
        instance = method.build()
        with time_limit(self._limit, f"the fit of {method.name}"):
            edit = instance.fit_on(bench, seed=seed) if method.info.needs_bench else instance.fit(x, z, seed=seed)
        if not torch.equal(x, ground.fit.x) or not torch.equal(z, ground.fit.z):
            raise ContractError(
                f"{method.name} changed its input in place; work on a copy (x = x - x.mean(0), not x -=)"
            )
        if isinstance(edit, Mapping):
            return _checked_sites(method, edit, ground, bench)
        if not isinstance(edit, Edit):
            raise ContractError(
                f"{method.name} returned {type(edit).__name__} from its fit and not an Edit; "
                "return one of interpmark.methods' edits, such as AffineEdit, or a subclass of Edit"
            )
        return edit

    def _check_deterministic(
        self, method: MethodSpec, ground: Ground, seed: int, bench: Bench | None, edit: Edit | SiteEdits
    ) -> None:
        """Fit again, once per configured method and process: twice the cost on one cell, not on all."""
        if method.name not in self._verdicts:
            again = self._once(method, ground, seed, bench)
            same = _same(edit, again, _few(ground))
            self._verdicts[method.name] = (
                ""
                if same
                else f"{method.name} is not deterministic: two fits with seed {seed} on the same data gave different "
                "edits; draw from torch.Generator().manual_seed(seed) and not from the global random state"
            )
        if self._verdicts[method.name]:
            raise ContractError(self._verdicts[method.name])


def _checked_sites(method: MethodSpec, edits: Mapping[str, Edit], ground: Ground, bench: Bench | None) -> SiteEdits:
    """The edits as a frozen mapping, each held to the contract on a few rows."""
    if not method.info.needs_bench or bench is None:
        raise ContractError(
            f"{method.name} returned edits at several sites from fit(x, z), where a subject may be missing; "
            "define fit_on(self, bench, *, seed) to edit at several sites"
        )
    checked = edits if isinstance(edits, SiteEdits) else SiteEdits(edits)
    if checked.d != ground.fit.x.shape[1]:
        raise ContractError(
            f"{method.name} returned edits of size {checked.d}; the subject's activations have {ground.fit.x.shape[1]}"
        )
    try:
        in_order(bench.subject, checked)
    except SiteError as error:
        raise ContractError(f"{method.name} returned an edit where there is no site: {error}") from error
    for edit in checked.values():
        apply(edit, _few(ground))
    return checked


def _few(ground: Ground) -> Split:
    rows = slice(COMPARED_ROWS)
    return Split(ground.fit.x[rows], ground.fit.z[rows], ground.fit.groups[rows])


def _same(one: Edit | SiteEdits, other: Edit | SiteEdits, rows: Split) -> bool:
    if isinstance(one, SiteEdits) and isinstance(other, SiteEdits):
        return one.keys() == other.keys() and all(_same(one[site], other[site], rows) for site in one)
    if isinstance(one, SiteEdits) or isinstance(other, SiteEdits):
        return False
    return torch.equal(_raw(one, rows), _raw(other, rows))


def apply(edit: Edit, split: Split) -> torch.Tensor:
    """The edited activations of a split, checked.

    Raises:
        ContractError: The edit gives another shape or dtype, NaN or infinity, or changes its input.

    """
    name = type(edit).__name__
    before = split.x.clone()
    out = _raw(edit, split)
    if not isinstance(out, torch.Tensor) or out.shape != split.x.shape:
        given = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
        raise ContractError(f"{name} turned activations {tuple(split.x.shape)} into {given}; an edit keeps the shape")
    if out.dtype != split.x.dtype:
        raise ContractError(
            f"{name} turned {split.x.dtype} into {out.dtype}; an edit keeps the dtype: x.to(dtype) last"
        )
    if not bool(out.isfinite().all()):
        bad = int((~out.isfinite()).any(dim=-1).sum())
        raise ContractError(
            f"{name} gave NaN or infinity in {bad} of {len(out)} rows; look for a division by a zero variance, "
            "a singular covariance or a class without rows"
        )
    if not torch.equal(before, split.x):
        raise ContractError(f"{name} changed its input in place; an edit returns a new tensor")
    return out


def _raw(edit: Edit, split: Split) -> torch.Tensor:
    return edit(split.x, split.z if edit.needs_labels else None)
