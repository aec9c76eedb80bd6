"""What a method does to the subject depends on how many rows it was fitted on, and INLP's also on its weight decay.

Fits each method on ever larger parts of the fit split (whole entities), edits the subject and prints the behavior
effect on the test prompts and the damage on the neutral corpus.

    python docs/behavior_curve.py                          # gender at resid_post.15 of the default subject, minutes
    python docs/behavior_curve.py 'gender@*resid_post.26*'
"""

from __future__ import annotations

import sys
from dataclasses import replace

from learning_curve import part
from tabulate import tabulate

from interpmark.methods import get_method
from interpmark.suite.cells import collect_cells
from interpmark.suite.fitting import Fitter
from interpmark.suite.grounds import FixtureGround, Grounds
from interpmark.suite.options import RunOptions
from interpmark.suite.progress import SilentProgress
from interpmark.suite.scoring import run_edit

METHODS = ("leace", "leace(shrinkage=True)", "mean-projection", "inlp")
SHARES = (1 / 3, 1 / 2, 2 / 3, 1.0)
INLP = tuple(f"inlp(weight_decay={strength})" for strength in (1e-5, 1e-4, 1e-3, 1e-2))


def row(at: FixtureGround, method: str, share: float) -> tuple[int, str, str, float]:
    """Rows fitted on, the method, the behavior effect with its interval, and the damage in nats per token."""
    assert at.stage is not None
    smaller = replace(at.ground, fit=part(at.ground.fit, share))
    edit = Fitter(600).fit(get_method(method), smaller, 0).edit
    scores = run_edit(edit, at, at.stage, 0).estimates
    effect, damage = scores["behavior_effect"], scores["perplexity_damage"]
    return len(smaller.fit), method, f"{effect.value:.2f} [{effect.low:.2f}, {effect.high:.2f}]", damage.value or 0.0


def main(glob: str) -> None:
    """Print the table of every fixture that the glob names."""
    options = RunOptions(methods=("leace",), fixtures=(glob,))
    cells = collect_cells(options)
    grounds = Grounds(options, cells, SilentProgress())
    for cell in cells:
        at = grounds.of(cell.fixture)
        rows = [row(at, method, share) for share in SHARES for method in METHODS]
        rows += [row(at, method, 1.0) for method in INLP]
        print(f"\n{cell.fixture.id}\n")
        headers = ("n_fit", "method", "behavior effect", "damage")
        print(tabulate(rows, headers=headers, floatfmt=".3f", tablefmt="github"))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "gender@*resid_post.15*")
