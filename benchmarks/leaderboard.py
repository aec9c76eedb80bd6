"""Twelve erasers on gender at one site, all four measures: `score_all` against the script of a careful user.

Both sides begin with their libraries imported, load the subject from the same unpacked folder, and end with all
estimates and their intervals. Cold: nothing is on disk. Activations warm: those of an earlier run are, and every eraser
is fitted and scored. All warm: the store of an earlier run is there too, and every result is found by its key. The
script keeps nothing and does the same each time. What this project does on top of it is listed at its beginning. The
twelve are the default run's methods but for `identity` and
`oracle-leace`, which sees labels while the subject runs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .gender_rows import SITE
from .job import SUBJECT, make_cache
from .measuring import measure
from .registry import Settings
from .rows import Row
from .works import Side, Work

if TYPE_CHECKING:
    from .works import Arrays

ERASERS = (
    "random-direction",
    "random-matched",
    "full-ablation",
    "mean-projection",
    "median-projection",
    "leace",
    "leace(method=orth)",
    "leace(shrinkage=True)",
    "sal",
    "inlp",
    "inlp(rank=4)",
    "inlp(rank=16)",
)
COMPARED = ("full-ablation", "mean-projection", "median-projection", "leace", "leace(method=orth)", "sal")
"""Erasers that both sides fit to the same edit: no randomness, no solver's tolerance."""
MEASURES = ("residual_accuracy", "edit_norm", "behavior_effect", "perplexity_damage")


def rows(settings: Settings) -> list[Row]:
    """Measure."""
    return measure(__name__, works(settings.small), settings)


def works(small: bool) -> list[Work]:
    """Cold and warm; `small` makes one repetition of it and nothing less, for the script has no smaller size."""
    return [
        Work(
            f"leaderboard of {len(ERASERS)} erasers, {kind}",
            "benchmarks/peer_script.py",
            Side(partial(_prepare_ours, kind), _ours, _report_ours),
            Side(_prepare_theirs, _theirs, _report_theirs),
            _agreement,
            partial(_write, kind),
            repetitions=1 if small else 2,
        )
        for kind in ("cold", "activations warm", "all warm")
    ]


def _write(kind: str, folder: Path) -> None:
    """Make a cache folder that has the subject, and what an earlier run would have left."""
    from interpmark.suite import score_all

    model = make_cache(folder / "cache")
    (folder / "model.txt").write_text(str(model), encoding="utf-8")
    if kind != "cold":
        score_all(_options(folder / "earlier", ("identity",) if kind == "activations warm" else ERASERS))


def _options(store: Path, methods: tuple[str, ...] = ERASERS) -> Any:
    from interpmark.suite import RunOptions

    return RunOptions(methods=methods, fixtures=("gender",), subject=SUBJECT, sites=(SITE,), store=store)


def _prepare_ours(kind: str, folder: Path) -> Any:
    import sklearn  # noqa: F401  # the script imports it
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: F401

    import interpmark.suite.engine  # noqa: F401

    own = Path(tempfile.mkdtemp(dir=folder))
    cache = folder / "cache"
    if kind == "cold":
        # What this run captures must not serve the next one.
        cache = Path(shutil.copytree(cache, own / "cache", symlinks=True))
    os.environ["INTERPMARK_CACHE"] = str(cache)
    return _options(folder / "earlier" if kind == "all warm" else own / "store")


def _ours(options: Any) -> Any:
    from interpmark.suite import score_all

    return score_all(options)


def _report_ours(_: Any, cards: Any) -> Arrays:
    import numpy as np

    wrong = [f"{card.cell}: {card.error.message}" for card in cards if card.error is not None]
    if wrong:
        raise SystemExit("\n".join(wrong))
    by_name = {card.cell.method: {one.measure: one.value for one in card.estimates} for card in cards}
    return {measure: np.array([by_name[name][measure] for name in COMPARED]) for measure in MEASURES}


def _prepare_theirs(folder: Path) -> str:
    from . import peer_script  # noqa: F401

    return (folder / "model.txt").read_text(encoding="utf-8")


def _theirs(model: str) -> Any:
    from .peer_script import score

    return score(model)


def _report_theirs(_: Any, table: Any) -> Arrays:
    import numpy as np

    if set(table) != set(ERASERS):
        raise SystemExit(f"the script scored {sorted(table)}")
    return {measure: np.array([table[name][measure][0] for name in COMPARED]) for measure in MEASURES}


def _agreement(ours: Arrays, theirs: Arrays) -> str:
    gaps = [f"{measure} {abs(ours[measure] - theirs[measure]).max():.1e}" for measure in MEASURES]
    return f"largest differences over {len(COMPARED)} erasers: {', '.join(gaps)}"
