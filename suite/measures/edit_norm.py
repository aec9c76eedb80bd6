"""How large the edit is: relative to the activations' variance, and to the smallest edit that guards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from interpmark.reports.estimate import Estimate
from interpmark.reports.intervals import clustered_ratio
from interpmark.suite.ground import Split

from .estimates import Examples, Scored, clusters, estimate
from .inputs import numbers, require_finite, require_split, row_chunks
from .smallest_guard import SmallestGuard, smallest_guard
from .threads import one_thread


@one_thread()
def edit_norm(before: Split, after: Split, fit: Split, seed: int = 0, guard: SmallestGuard | None = None) -> Scored:
    """Score the edit's size on the test split.

    Args:
        before: The unedited `test` split.
        after: The same rows edited.
        fit: The unedited `fit` split, which the smallest guard is computed from.
        seed: Draws the bootstrap.
        guard: `smallest_guard(fit)` where the caller has it already.

    Returns:
        Estimates `edit_norm`, mean |x' - x|² / tr Cov(x), and `edit_excess`, its ratio to that of the smallest affine
        guard. The covariance is taken about the test rows' mean, over n. Examples: `edit_squared_size`,
        `squared_deviation` and `guard_squared_size`, `[n]` in squared units of the activations; and `groups`.

    Raises:
        ValueError: A split is malformed, rows differ in number, or a value is not finite.

    """
    require_split("test (unedited)", before)
    require_split("test", after)
    if guard is None:
        guard = smallest_guard(fit)
    size, deviation = _sizes(before.x, after.x)
    smallest = numbers(guard.squared_sizes(before.x))
    excess = _ratio("edit_excess", size, smallest, before.groups, seed, "the smallest guard edits nothing here")
    return [_norm("edit_norm", size, deviation, before.groups, seed), excess], {
        "edit_squared_size": size.tolist(),
        "squared_deviation": deviation.tolist(),
        "guard_squared_size": smallest.tolist(),
        "groups": clusters(before.groups),
    }


@one_thread()
def edit_size(before: torch.Tensor, after: torch.Tensor, groups: npt.NDArray[np.int64], seed: int = 0) -> Scored:
    """Score the edit's size and nothing else: `edit_norm` on rows `[n, d]`, clustered by `groups`; as `edit_norm`."""
    require_finite("activations (unedited)", before)
    require_finite("activations", after)
    size, deviation = _sizes(before, after)
    return [_norm("edit_norm", size, deviation, groups, seed)], {
        "edit_squared_size": size.tolist(),
        "squared_deviation": deviation.tolist(),
        "groups": clusters(groups),
    }


@one_thread()
def edit_norm_off_target(
    before: torch.Tensor, after: torch.Tensor, documents: npt.NDArray[np.int64], seed: int = 0
) -> Scored:
    """Score the edit's size on neutral activations: `edit_norm_off_target`, as `edit_norm`, clustered by document.

    Args:
        before: Unedited activations `[m, d]`.
        after: Edited ones.
        documents: The document of each row, `[m]`.
        seed: Draws the bootstrap.

    Returns:
        The estimate; examples `document_edit_squared_size` and `document_squared_deviation`, sums over a document's
        rows, by ascending document number.

    """
    if len(documents) != len(before):
        raise ValueError(f"neutral activations: {len(before)} rows and {len(documents)} document numbers")
    require_finite("neutral activations (unedited)", before)
    require_finite("neutral activations", after)
    size, deviation = _sizes(before, after)
    _, place = np.unique(documents, return_inverse=True)
    return [_norm("edit_norm_off_target", size, deviation, documents, seed)], {
        "document_edit_squared_size": np.bincount(place, size).tolist(),
        "document_squared_deviation": np.bincount(place, deviation).tolist(),
    }


Floats = npt.NDArray[np.float64]


@one_thread()
def site_edit_norms(
    measure: str,
    sizes: Mapping[str, tuple[Floats, Floats]],
    groups: npt.NDArray[np.int64],
    seed: int = 0,
    n: int | None = None,
) -> Scored:
    """Score the size of edits at several sites: the mean over the sites of each one's relative squared size.

    Args:
        measure: `edit_norm` or `edit_norm_off_target`.
        sizes: By site, |x' - x|² and |x - mean|² of each row, `[n]`, x being what arrives with the earlier edits made.
        groups: Entity or document of each row, `[n]`.
        seed: Draws the bootstrap.
        n: How many positions the rows are sums of; one each by default.

    Returns:
        The estimate. Examples: `edited_sites`, and by site `<measure>_by_site`; by row, as means over the sites in
        units of each site's variance, `edit_squared_size`, `squared_deviation` and `groups`, or for
        `edit_norm_off_target` `document_edit_squared_size` and `document_squared_deviation`, its rows being documents.

    """
    for site, (size, deviation) in sizes.items():
        if not (np.isfinite(size).all() and np.isfinite(deviation).all()):
            raise ValueError(f"{site}: the size of the edit is NaN or infinite; measures need finite numbers")
        if not deviation.sum() > 0:
            without = f"what arrives at {site} is equal in all rows: no variance to compare with"
            return [Estimate.not_scored(measure, without)], {}
    variances = [deviation.mean() for _, deviation in sizes.values()]
    size, deviation = (
        np.mean([pair[part] / variance for pair, variance in zip(sizes.values(), variances, strict=True)], axis=0)
        for part in (0, 1)
    )
    examples: Examples = {
        "edited_sites": list(sizes),
        f"{measure}_by_site": [float(size.sum() / deviation.sum()) for size, deviation in sizes.values()],
    }
    if measure == "edit_norm":
        examples |= {"edit_squared_size": size.tolist(), "squared_deviation": deviation.tolist()}
        examples |= {"groups": clusters(groups)}
    else:
        examples |= {"document_edit_squared_size": size.tolist(), "document_squared_deviation": deviation.tolist()}
    found = _norm(measure, size, deviation, groups, seed)
    return [found if n is None else replace(found, n=n)], examples


def _sizes(before: torch.Tensor, after: torch.Tensor) -> tuple[Floats, Floats]:
    """|x' - x|² and |x - mean|² of each row, `[n]`; in chunks, for a corpus has many rows."""
    if before.shape != after.shape:
        raise ValueError(f"before is {tuple(before.shape)} and after is {tuple(after.shape)}; an edit keeps the shape")
    mean = before.mean(dim=0, dtype=torch.float64)

    def by_row(of: Callable[[slice], torch.Tensor]) -> Floats:
        chunks = row_chunks(len(before), 8 * before.shape[1])
        return np.concatenate([numbers(of(rows).square().sum(dim=1)) for rows in chunks])

    return by_row(lambda rows: after[rows].double() - before[rows].double()), by_row(
        lambda rows: before[rows].double() - mean
    )


def _norm(measure: str, size: Floats, deviation: Floats, groups: npt.NDArray[np.int64], seed: int) -> Estimate:
    return _ratio(
        measure, size, deviation, groups, seed, "the unedited rows are all equal: no variance to compare with"
    )


def _ratio(
    measure: str, top: Floats, below: Floats, groups: npt.NDArray[np.int64], seed: int, without: str
) -> Estimate:
    if below.sum() == 0:
        return Estimate.not_scored(measure, without)
    return estimate(measure, lambda: clustered_ratio(top, below, groups, seed), len(top))
