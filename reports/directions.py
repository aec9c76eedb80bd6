"""The directions that a saved edit reads and writes, from its file in a store; no torch, and no class of edits.

An edit x' = x − (x − c) R Lᵀ + s takes coordinates of the activation along the columns of R (it *reads* them) and moves
the activation along the columns of L (it *writes* them). In an orthogonal projection both are one span; in an oblique
one they are not: LEACE reads Σ⁻¹δ, as a discriminant does, and writes δ, the difference of the class means. So each
form of edit gives two subspaces, and either may be missing: an added vector reads nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_TAG = "interpmark.edit"
_SITES = "interpmark.sites"


class NoDirectionsError(ValueError):
    """An edit has no directions to compare; the message says why."""


@dataclass(frozen=True, eq=False)
class Directions:
    """What an edit reads and writes.

    Attributes:
        read: Orthonormal columns `[d, r]`, or None for an edit that reads nothing, or nothing linear.
        written: Orthonormal columns `[d, r]`.
        signed: Whether the direction has a sense, as a steering vector has: towards class 1. A projection's has none.

    """

    read: Floats | None
    written: Floats
    signed: bool = False

    @property
    def d(self) -> int:
        """Size of the activations."""
        return len(self.written)


def directions_in(path: Path, site: str) -> Directions:
    """Return the directions of the edit in a file; of edits at several sites those of the edit at `site`.

    Raises NoDirectionsError when there are none, or no readable file.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise NoDirectionsError("the store has no edit of it")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise NoDirectionsError(f"its edit cannot be read: {error}") from error
    tag = metadata.get(_TAG, "")
    if _SITES in metadata:
        tag = json.loads(metadata[_SITES]).get(site, "")
        if not tag:
            raise NoDirectionsError(f"it edits at several sites, and {site} is none of them")
        tensors = {name.removeprefix(f"{site}/"): t for name, t in tensors.items() if name.startswith(f"{site}/")}
    if tag not in FORMS:
        raise NoDirectionsError(f"edits of the form {tag!r} are not known here")
    return FORMS[tag]({name: tensor.astype("float64") for name, tensor in tensors.items()})


def cosines(one: Floats, other: Floats) -> tuple[float, ...]:
    """Return the cosines of the principal angles between two spans of orthonormal columns, the largest first."""
    import numpy as np

    return tuple(float(min(value, 1.0)) for value in np.linalg.svd(one.T @ other, compute_uv=False))


def _affine(tensors: Mapping[str, Floats]) -> Directions:
    import numpy as np

    (q_read, t_read), (q_write, t_write) = (np.linalg.qr(tensors[name]) for name in ("read", "write"))
    # R Lᵀ = q_read (t_read t_writeᵀ) q_writeᵀ: what counts is the rank of the whole, not of the factors.
    u, s, vt = np.linalg.svd(t_read @ t_write.T)
    rank = int((s > s.max(initial=0) * _tolerance(q_read)).sum())
    if rank:
        return Directions(q_read @ u[:, :rank], q_write @ vt[:rank].T)
    if "shift" in tensors and tensors["shift"].any():
        return Directions(None, _span(tensors["shift"][:, None]), signed=True)
    raise NoDirectionsError("it leaves every activation as it is")


def _span(columns: Floats) -> Floats:
    """Return an orthonormal basis of the columns' span; a single column keeps its sign."""
    import numpy as np

    if columns.shape[1] == 1 and columns.any():
        return columns / np.linalg.norm(columns)
    u, s, _ = np.linalg.svd(columns, full_matrices=False)
    rank = int((s > s.max(initial=0) * _tolerance(columns)).sum())
    if not rank:
        raise NoDirectionsError("it leaves every activation as it is")
    return np.asarray(u[:, :rank])


def _tolerance(matrix: Floats) -> float:
    import numpy as np

    return float(max(matrix.shape) * np.finfo(np.float64).eps)


def _none(reason: str) -> Callable[[Mapping[str, Floats]], Directions]:
    def refuse(_: Mapping[str, Floats]) -> Directions:
        raise NoDirectionsError(reason)

    return refuse


def _both(name: str, *, signed: bool) -> Callable[[Mapping[str, Floats]], Directions]:
    def form(tensors: Mapping[str, Floats]) -> Directions:
        span = _span(tensors[name].reshape(len(tensors[name]), -1))
        return Directions(span, span, signed)

    return form


FORMS: Mapping[str, Callable[[Mapping[str, Floats]], Directions]] = {
    "affine": _affine,
    "partial-edit": _affine,
    "added-vector": lambda t: Directions(None, _span(t["vector"][:, None]), signed=True),
    "placed-vectors": lambda t: Directions(None, _span(t["vectors"].T)),
    "set-coordinate": _both("direction", signed=True),
    "mirrored-coordinates": _both("directions", signed=False),
    "sided-vector": lambda t: Directions(_span(t["normal"][:, None]), _span(t["vector"][:, None])),
    "oracle": lambda t: Directions(None, _span(t["shift"].T)),  # reads the label
    "kernel": lambda t: Directions(None, _span(t["write"])),  # what it reads is not linear
    "identity": _none("it leaves every activation as it is"),
    "constant": _none("it replaces the whole activation"),
    "prompt-prefix": _none("it puts words before the prompt"),
    "map": _none("it maps the whole activation"),
    "class-map": _none("it maps the whole activation, class by class"),
}
"""By an edit's tag, what its tensors read and write."""
