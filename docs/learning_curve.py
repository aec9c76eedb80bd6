"""How low can residual accuracy go on new data? It depends on how many rows a guard was fitted on.

A guard is exact on the rows that it was fitted on and estimated on others. This script fits LEACE on ever larger parts
of the fit split (whole entities) and measures the residual accuracy on the held-out test split, as the suite does.

    python docs/learning_curve.py                          # gender on the default subject
    python docs/learning_curve.py planted-gaussian          # seconds, without a language model
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import torch
from tabulate import tabulate

from interpmark.methods import get_method
from interpmark.suite.cells import collect_cells
from interpmark.suite.fitting import Fitter
from interpmark.suite.ground import Ground, Split
from interpmark.suite.grounds import Grounds
from interpmark.suite.measures import residual_accuracy
from interpmark.suite.options import RunOptions
from interpmark.suite.progress import SilentProgress
from interpmark.suite.scoring import edited_splits

SHARES = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


def part(split: Split, share: float) -> Split:
    """The rows of the first `share` of the entities, in an order drawn once."""
    entities = np.random.default_rng(0).permutation(np.unique(split.groups))
    kept = np.isin(split.groups, entities[: max(2, round(share * len(entities)))])
    rows = torch.from_numpy(np.flatnonzero(kept))
    return Split(split.x[rows], split.z[rows], split.groups[kept])


def row(ground: Ground, share: float, seed: int = 0) -> tuple[int, float, str]:
    """Rows fitted on, rows over width, and the residual accuracy with its interval."""
    smaller = replace(ground, fit=part(ground.fit, share))
    fitted = Fitter(600).fit(get_method("leace"), smaller, seed)
    estimates, _ = residual_accuracy(edited_splits(fitted, smaller), smaller.fit, seed)
    found = next(estimate for estimate in estimates if estimate.measure == "residual_accuracy")
    n, d = smaller.fit.x.shape
    return n, n / d, f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def main(glob: str) -> None:
    """Print the curve of every fixture that the glob names."""
    options = RunOptions(methods=("leace",), fixtures=(glob,))
    cells = collect_cells(options)
    grounds = Grounds(options, cells, SilentProgress())
    for cell in cells:
        rows = [row(grounds.of(cell.fixture).ground, share) for share in SHARES]
        print(f"\n{cell.fixture.id}, LEACE\n")
        print(tabulate(rows, headers=("n_fit", "n_fit / d", "residual accuracy"), floatfmt=".2f", tablefmt="github"))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "gender@*")
