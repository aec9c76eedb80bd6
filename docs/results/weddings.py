"""What activation addition towards weddings does to the perplexity of three corpora, by block and strength.

A vector is added in one of two ways: ActAdd's, the difference of two prompts at a text's first positions; and the
difference of the class means of the concept `weddings`, at every position. Each is measured on texts about weddings, on
texts about shipping and on neutral ones, and kept in a file, so that a run that was cut goes on where it was.

    python docs/results/weddings.py docs/results/weddings.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tabulate import tabulate

from interpmark.fixtures import get_corpus
from interpmark.methods import Steering, get_method
from interpmark.suite.bench import Bench
from interpmark.suite.cells import collect_cells
from interpmark.suite.grounds import Grounds
from interpmark.suite.measures import perplexity_damage
from interpmark.suite.options import RunOptions
from interpmark.suite.progress import SilentProgress
from interpmark.suite.stage import CorpusStage, Recorder

BLOCKS = (2, 6, 10, 15, 20, 25)
STRENGTHS = {"activation-addition": (1.0, 4.0), "caa": (0.25, 0.5, 1.0)}
SPECS = {
    "activation-addition": "activation-addition(towards='I like to talk about weddings', "
    "away='I like to talk about things')",
    "caa": "caa",
}
CORPORA = {"weddings": 2, "shipping": 2, "neutral": 5}
"""Corpora, and of how many documents one is taken."""
Rows = dict[str, list[float]]


def runs(known: Rows) -> Iterator[tuple[str, list[float]]]:
    """Every measurement that is not known yet: its name, and the damage with its interval."""
    sites = tuple(f"resid_post.{block}" for block in BLOCKS)
    options = RunOptions(methods=("caa",), fixtures=("weddings@*",), sites=sites)
    cells = collect_cells(options)
    grounds = Grounds(options, cells, SilentProgress())
    recorder = Recorder(grounds.subject, None, SilentProgress())
    stages = {name: CorpusStage(get_corpus(name), sites, recorder) for name in CORPORA}
    parts = {name: stages[name].part(range(0, len(get_corpus(name).documents), n)) for name, n in CORPORA.items()}
    plain = {name: part.run(sites[-1]) for name, part in parts.items()}
    for cell in sorted(cells, key=lambda cell: -int(cell.fixture.site.rpartition(".")[2])):
        at = grounds.of(cell.fixture)
        bench = Bench.of(at.stage, at.ground.fit, at.site)
        for method, strengths in STRENGTHS.items():
            edit = fitted(SPECS[method], bench)
            for strength in strengths:
                for name, part in parts.items():
                    key = f"{method}|{at.site}|{strength}|{name}"
                    if key in known:
                        continue
                    before, after = plain[name], part.run(at.site, edit.at(strength))
                    (found,), _ = perplexity_damage(before.nll, after.nll, before.counts)
                    yield key, [found.value, found.low, found.high]


def fitted(spec: str, bench: Bench) -> Steering:
    """A steerer's edit."""
    method = get_method(spec)
    instance = method.build()
    if method.info.needs_bench:
        return instance.fit_on(bench, seed=0)
    return instance.fit(bench.split.x, bench.split.z, seed=0)


def show(known: Rows) -> None:
    """Print a table for each way of adding: damage by block, strength and corpus."""
    for method, strengths in STRENGTHS.items():
        rows = []
        for block in BLOCKS:
            for strength in strengths:
                found = [known.get(f"{method}|resid_post.{block}|{strength}|{name}") for name in CORPORA]
                if all(found):
                    rows.append([block, strength, *(told(one) for one in found), *(moves(one) for one in found[:2])])
        print(f"\n{SPECS[method]}\n")
        headers = ("block", "strength", *CORPORA, "weddings", "shipping")
        print(tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True))


def moves(found: list[float]) -> str:
    """Whether the interval lies below zero, above it, or holds it."""
    return "falls" if found[2] < 0 else "rises" if found[1] > 0 else "same"


def told(found: list[float]) -> str:
    """The damage with its interval, in nats."""
    value, low, high = found
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"


def main(path: Path) -> None:
    """Measure what is missing, then print the tables."""
    known: Rows = json.loads(path.read_text("utf-8")) if path.exists() else {}
    for key, found in runs(known):
        known[key] = found
        path.write_text(json.dumps(known, indent=0) + "\n", "utf-8")
    show(known)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
