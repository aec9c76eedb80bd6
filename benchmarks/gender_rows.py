"""Activations of the default subject that works are done on: the gender concept at the last token, resid_post.26."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SITE = "resid_post.26"


class Rows(NamedTuple):
    """Rows of activations, of the splits `fit` and then `probe`.

    Attributes:
        x: `[n, d]` float64.
        z: `[n]` int64, 0 or 1.
        groups: `[n]` int64, the entity of each row.
        n_fit: How many rows are of `fit`.

    """

    x: NDArray[np.float64]
    z: NDArray[np.int64]
    groups: NDArray[np.int64]
    n_fit: int


def write_rows(
    folder: Path, n: int | None = None, splits: tuple[str, ...] = ("fit", "probe"), file: str = "rows.npz"
) -> None:
    """Capture the concept's `fit` and `probe` prompts, or n of them with equal classes, and write them."""
    import numpy as np

    from interpmark.fixtures import get_concept
    from interpmark.fixtures.subjects import capture, load_subject

    concept = get_concept("gender")
    subject = load_subject("smollm2-135m")
    rows = np.concatenate([concept.rows(split) for split in splits])
    if n is not None:
        rows = _balanced(rows, np.asarray(concept.labels), n)
    tokens = subject.encode([concept.texts[row] for row in rows])
    found = capture(subject, tokens, [SITE], [len(ids) - 1 for ids in tokens], share_leads=True)
    names = {group: index for index, group in enumerate(dict.fromkeys(concept.groups))}
    groups = np.array([names[concept.groups[row]] for row in rows])
    n_fit = int(np.isin(rows, concept.rows("fit")).sum())
    write_arrays(folder, found[SITE].x, np.asarray(concept.labels)[rows], groups, n_fit, file)


def write_small_rows(folder: Path, seed: int = 0, file: str = "rows.npz") -> None:
    """Write a few random rows in place of the subject's."""
    import numpy as np

    rng = np.random.default_rng(seed)
    z = np.arange(160) // 2 % 2
    x = rng.normal(size=(160, 24)) * np.logspace(1, -1, 24)
    x[:, 3] += 4 * z
    write_arrays(folder, x, z, np.arange(160) // 2, 120, file)


def read_rows(folder: Path, file: str = "rows.npz") -> Rows:
    """Read what was written."""
    import numpy as np

    with np.load(folder / file) as kept:
        return Rows(kept["x"].astype(np.float64), kept["z"].astype(np.int64), kept["groups"], int(kept["n_fit"]))


def some(n: int, wanted: int = 80) -> NDArray[np.int64]:
    """Indices spread over n rows, so that both classes are among them: for the libraries' own first calls."""
    import numpy as np

    return np.linspace(0, n - 1, wanted).astype(np.int64)


def _balanced(rows: NDArray[np.int64], labels: NDArray[Any], n: int) -> NDArray[np.int64]:
    """The first n / 2 rows of each of two classes, in their own order."""
    import numpy as np

    kept = [rows[labels[rows] == label][: n // 2] for label in (0, 1)]
    return np.sort(np.concatenate(kept))


def write_arrays(folder: Path, x: object, z: object, groups: object, n_fit: int, file: str = "rows.npz") -> None:
    """Write rows, for `read_rows` to read."""
    import numpy as np

    arrays = {"x": np.asarray(x), "z": np.asarray(z), "groups": np.asarray(groups), "n_fit": np.asarray(n_fit)}
    np.savez(folder / file, allow_pickle=False, **arrays)
