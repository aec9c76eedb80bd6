"""The floor of the default run: the matrix products that its definition asks for, over the rate of this machine.

Counted are the linear layers and attention of the blocks, and the unembedding:

- capture of each concept's prompts and of the corpus, up to the deepest site;
- the reference: the unedited subject once, from the deepest site on, on the scored prompts and on the corpus;
- each edit at each site: the blocks after it, with the unembedding at the prompts' ends and at every corpus position.

Common beginnings of prompts count once, padding not at all. Methods that need less are counted with less: `identity`
is the reference, a constant edit runs on one text, an edit that sees labels skips the corpus and shares nothing.
Loading, fits, adversaries, bootstraps and every softmax are not in the floor. The rate is the best that was seen, over
shapes, over both libraries that torch multiplies with, and with weights packed or plain, so the floor is a low one.
Told beside it is how long the same products take when each layer has the best rate of its own shape: those of the keys
and values are thin.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .measuring import ROOT
from .registry import Settings
from .rows import Row

SUBJECT = "smollm2-135m"
CONSTANT, LABELLED, UNEDITED = "full-ablation", "oracle-leace", "identity"


def rows(settings: Settings) -> list[Row]:
    """Measure the rate and count, in a process of its own; compare with a run if its store is given."""
    with tempfile.TemporaryDirectory(prefix="interpmark-bench-") as name:
        file = Path(name) / "floor.json"
        done = subprocess.run(
            [sys.executable, "-m", f"{__package__}.floor", str(file), str(int(settings.small))], cwd=ROOT
        )
        if done.returncode:
            raise SystemExit("counting the floor failed; its own message is above")
        found = json.loads(file.read_text(encoding="utf-8"))
    floor = found["flops"]["total"] / found["rate"]
    wall = settings.wall
    if wall is None and settings.store is not None:
        wall = run_seconds(settings.store)
    own = found["own_seconds"]
    counted = ", ".join(f"{part} {flops / 1e12:.2f}" for part, flops in found["flops"].items())
    note = f"{found['rate'] / 1e9:.0f} GFLOP/s; TFLOP: {counted}; at each layer's own rate {own:.0f} s"
    if wall is not None:
        note = f"the run took {wall / floor:.2f} times its floor, {wall / own:.2f} times that at own rates; {note}"
    ratio = None if wall is None else floor / wall
    return [
        Row(
            "default run",
            "floor: its matrix products at the machine's rate",
            wall,
            floor,
            ratio,
            None,
            None,
            None,
            note,
        )
    ]


def run_seconds(store: Path) -> float:
    """From the first cell's start to the last one's end, by the scorecards: pytest's own start is not in it."""
    import datetime

    from interpmark.reports.store import Store

    cards = Store.open(store).scorecards()
    times = [
        [datetime.datetime.fromisoformat(str(card.provenance[end])) for card in cards]
        for end in ("started", "finished")
    ]
    return (max(times[1]) - min(times[0])).total_seconds()


@dataclass(frozen=True)
class Shape:
    """What a subject's matrix products depend on.

    Attributes:
        block: Weights of one block's linear layers; those of a slow layer count more when time is counted.
        attention: Width of all heads' queries together.
        unembedding: Weights of the unembedding, likewise.
        n_blocks: Blocks.

    """

    block: float
    attention: int
    unembedding: float
    n_blocks: int

    def blocks(self, n_blocks: int, places: Places) -> float:
        """FLOPs of some blocks at these places: two for each weight, and attention to all before and to itself."""
        return n_blocks * (2.0 * self.block * places.tokens + 4.0 * self.attention * places.pairs)

    def logits(self, positions: int) -> float:
        """FLOPs of the unembedding."""
        return 2.0 * self.unembedding * positions


@dataclass(frozen=True)
class Places:
    """Positions that are computed, and the positions that each attends to, summed."""

    tokens: int
    pairs: int


def places_of(texts: Sequence[Sequence[int]], leads: Sequence[int] | None = None) -> Places:
    """The places of some texts; with leads, each different beginning once."""
    shared = leads or [0] * len(texts)
    beginnings = {tuple(ids[:lead]) for ids, lead in zip(texts, shared, strict=True) if lead}
    spans = [(0, len(one)) for one in beginnings]
    spans += [(lead, len(ids)) for ids, lead in zip(texts, shared, strict=True)]
    pairs = sum(end * (end + 1) // 2 - start * (start + 1) // 2 for start, end in spans)
    return Places(sum(end - start for start, end in spans), pairs)


Slowness = Callable[[Any], float]
"""How many times as long a layer's product takes as one of the same FLOPs at the best rate, by its weight [n, k]."""


def default_flops(slowness: Slowness = lambda weight: 1.0) -> dict[str, float]:
    """FLOPs of the default run by part, and their total; those of slow layers count more."""
    from interpmark.fixtures import DEFAULT_CONCEPTS, DEPTHS, get_concept, get_corpus, site_at
    from interpmark.fixtures.subjects import load_subject

    subject = load_subject(SUBJECT)
    shape = _shape(subject, slowness)
    sites = {name: [_block(site_at(depth, shape.n_blocks)) for depth in DEPTHS[name]] for name in DEFAULT_CONCEPTS}
    deepest = max(max(blocks) for blocks in sites.values())
    documents = [ids[:-1] for ids in subject.encode(get_corpus("neutral").documents)]
    corpus = places_of(documents)
    after_corpus = _corpus_after(shape, corpus)
    found = {
        "capture": shape.blocks(deepest + 1, corpus),
        "reference": after_corpus(deepest),
        "prompts": 0.0,
        "corpus": 0.0,
    }
    for name, blocks in sites.items():
        concept = get_concept(name)
        tokens = subject.encode(concept.texts)
        scored = [tokens[row] for split in ("test", "transfer") for row in concept.rows(split)]
        trained = [tokens[row] for split in ("fit", "probe") for row in concept.rows(split)]
        shared = _shared(subject, scored)
        last = max(blocks)
        found["capture"] += shape.blocks(last + 1, shared) + shape.blocks(last + 1, _shared(subject, trained))
        found["reference"] += _prompts_after(shape, shared, len(scored), last)
        for block in blocks:
            prompts, text = _edits(shape, block, shared, scored, after_corpus)
            found["prompts"] += prompts
            found["corpus"] += text
    return {**found, "total": sum(found.values())}


def _edits(
    shape: Shape, block: int, shared: Places, scored: Sequence[Sequence[int]], after_corpus: Callable[[int], float]
) -> tuple[float, float]:
    """FLOPs of all methods' edits at one site, on the prompts and on the corpus."""
    from interpmark.methods import DEFAULT_METHODS

    affine = len([name for name in DEFAULT_METHODS if name not in (UNEDITED, CONSTANT, LABELLED)])
    prompts = affine * _prompts_after(shape, shared, len(scored), block)
    if LABELLED in DEFAULT_METHODS:
        prompts += _prompts_after(shape, places_of(scored), len(scored), block)
    return prompts, affine * after_corpus(block)


def _prompts_after(shape: Shape, places: Places, n: int, block: int) -> float:
    return shape.blocks(shape.n_blocks - 1 - block, places) + shape.logits(n)


def _corpus_after(shape: Shape, corpus: Places) -> Callable[[int], float]:
    return lambda block: shape.blocks(shape.n_blocks - 1 - block, corpus) + shape.logits(corpus.tokens)


def _shared(subject: Any, texts: Sequence[Sequence[int]]) -> Places:
    from interpmark.fixtures.subjects.leads import find_leads

    return places_of(texts, find_leads(texts, subject.n_prefix) if subject.shares_leads else None)


def _shape(subject: Any, slowness: Slowness) -> Shape:
    blocks = subject.anatomy.blocks
    config = subject.model.config
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    unembedding = subject.anatomy.unembedding.weight
    return Shape(
        block=sum(weight.numel() * slowness(weight) for weight in blocks[0].parameters() if weight.ndim == 2),
        attention=head * config.num_attention_heads,
        unembedding=unembedding.numel() * slowness(unembedding),
        n_blocks=subject.n_blocks,
    )


def _block(site: str) -> int:
    return int(site.rpartition(".")[2])


def best_rate(small: bool) -> float:
    """The machine's float32 matrix products, FLOP/s: the best over shapes and libraries."""
    sizes = [(64, 64, 64)] if small else [(2048, 2048, 2048), (1024, 576, 1536), (1024, 1536, 576), (1024, 576, 49152)]
    return max(_rate(*size) for size in sizes)


def _rate(m: int, k: int, n: int) -> float:
    """FLOP/s of rows [m, k] times a weight [n, k]: the best of some runs, over libraries and packed or not."""
    import torch

    x, w = torch.randn(m, k), torch.randn(n, k)
    products: list[Callable[[], Any]] = [lambda: torch.nn.functional.linear(x, w)]
    one_dnn = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    if one_dnn is not None:
        weights = [w, torch.ops.mkldnn._reorder_linear_weight(w, m)]
        products += [lambda weight=weight: one_dnn(x, weight, None, "none", [], "") for weight in weights]
    for product in products:
        product()
    return 2.0 * m * k * n / min(_seconds(product) for product in products for _ in range(10))


def _seconds(product: Callable[[], Any]) -> float:
    clock = time.perf_counter()
    product()
    return time.perf_counter() - clock


def _slowness(best: float, tokens: int) -> Slowness:
    found: dict[tuple[int, ...], float] = {}

    def slowness(weight: Any) -> float:
        n, k = weight.shape
        if (n, k) not in found:
            found[n, k] = best / _rate(tokens, k, n)
        return found[n, k]

    return slowness


def _counted(small: bool) -> dict[str, Any]:
    best = best_rate(small)
    own = default_flops(_slowness(best, 16 if small else 1024))["total"] / best
    return {"rate": best, "flops": default_flops(), "own_seconds": own}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(_counted(sys.argv[2] == "1")), encoding="utf-8")
