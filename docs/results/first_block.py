"""Why an eraser that is minimal on the slot can be huge on neutral text in the first block, and what shrinkage does.

At each site LEACE is fitted on the unedited slot activations: plain, shrunk, and whitened by the covariance of neutral
text in place of the slot's. The coordinates that it reads vary on the slot as much as the edit needs; how much they
vary on neutral text is what the edit costs there.

    python docs/results/first_block.py gender part-of-speech
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace

import torch
from tabulate import tabulate

from interpmark.methods.erasers.leace import leace
from interpmark.methods.labels import label_matrix
from interpmark.methods.shrinkage import shrink
from interpmark.methods.statistics import Statistics, statistics
from interpmark.suite.cells import SubjectFixture, collect_cells
from interpmark.suite.ground import Ground
from interpmark.suite.grounds import Grounds
from interpmark.suite.options import RunOptions
from interpmark.suite.progress import SilentProgress
from interpmark.suite.stage import ConceptStage, CorpusStage, Recorder

SITES = ("mlp_in.0", "attn_in.1", "mlp_in.1", "mlp_in.2", "mlp_in.5", "mlp_in.15", "mlp_in.29")
HEADERS = (
    "site",
    "dimensions of the slot",
    "of neutral text",
    "weight of S in the shrunk covariance",
    "leace: slot",
    "neutral",
    "shrunk: slot",
    "neutral",
    "whitened by neutral text: slot",
    "neutral",
)


def dimensions(covariance: torch.Tensor) -> float:
    """How many directions share the variance: (Σ λ)² / Σ λ²."""
    return float(covariance.trace() ** 2 / covariance.square().sum())


def relative(edit, x: torch.Tensor) -> float:  # type: ignore[no-untyped-def]
    """Mean squared edit over total variance."""
    return float((edit(x) - x).square().sum() / (x - x.mean(0)).square().sum())


def alpha(covariance: torch.Tensor, n: int) -> float:
    """The weight that shrinkage leaves to the covariance as it is."""
    off = covariance - torch.diag(covariance.diagonal())
    shrunk = shrink(covariance, n)
    return float((shrunk - torch.diag(shrunk.diagonal())).norm() / off.norm())


def row(site: str, ground: Ground) -> Iterator[object]:
    """What the first block's edits do at one site."""
    x, z, neutral = ground.fit.x, ground.fit.z, ground.neutral
    assert neutral is not None
    own: Statistics = statistics(x, label_matrix(z).reshape(len(x), -1))
    wide = statistics(neutral, torch.zeros(len(neutral), 1, dtype=torch.float64))
    yield site
    yield f"{dimensions(own.cov_xx):.1f}"
    yield f"{dimensions(wide.cov_xx):.1f}"
    yield f"{alpha(own.cov_xx, own.n):.4f}"
    for edit in (leace(own), leace(own, shrinkage=True), leace(replace(own, cov_xx=wide.cov_xx))):
        yield f"{relative(edit, x):.4f}"
        yield f"{relative(edit, neutral):.3g}"


def stage_of(concept: str) -> ConceptStage:
    """A concept on the default subject, at sites that no fixture is at: what a norm makes of the stream."""
    options = RunOptions(methods=("identity",), fixtures=(f"{concept}@*",))
    cell = collect_cells(options)[0]
    assert isinstance(cell.fixture, SubjectFixture)
    grounds = Grounds(options, [cell], SilentProgress())
    recorder = Recorder(grounds.subject, None, SilentProgress())
    corpus = CorpusStage(cell.fixture.corpus, SITES, recorder)
    return ConceptStage(cell.fixture.concept, cell.fixture.behavior, cell.fixture.slot, SITES, corpus, recorder)


def main(concepts: list[str]) -> None:
    """Print a table for each concept."""
    for concept in concepts:
        stage = stage_of(concept)
        rows = [list(row(site, stage.ground(site))) for site in SITES]
        print(f"\n{concept}\n")
        print(tabulate(rows, headers=HEADERS, tablefmt="github", disable_numparse=True))


if __name__ == "__main__":
    main(sys.argv[1:])
