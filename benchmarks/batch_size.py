"""What larger batches gain: seconds of resuming the subject, against the tokens that a batch holds.

Edits of several methods stacked into one batch are a larger batch and nothing else, so this says whether stacking
would gain anything on a device. Two works, as the suite does them: the ends of prompts, whose common beginnings are
computed once, and every position of documents. The peer is the same work in batches of 1,024 tokens. All sizes run in
turn in one process, again and again; the ratio is the median over these rounds, the memory that of the process so far.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .child import peak_mb
from .drawing import new_figure, save, write_table
from .measuring import ROOT
from .registry import Settings
from .rows import Row

if TYPE_CHECKING:
    from interpmark.fixtures.subjects import Batch, Ragged, Subject

SIZES, SMALL_SIZES, USUAL = (256, 512, 1024, 2048, 4096, 8192), (512, 1024), 1024
WORKS = {"ends": "the ends of prompts", "every": "every position of documents"}
REPETITIONS, SUBJECT = 3, "smollm2-135m"


def rows(settings: Settings) -> list[Row]:
    """Measure in a process of its own: a row for each work and size."""
    names = [name for name in WORKS if not settings.works or any(part in name for part in settings.works)]
    if not names:
        return []
    with tempfile.TemporaryDirectory(prefix="interpmark-bench-") as folder:
        file = Path(folder) / "takes.json"
        asked = [str(settings.repetitions or REPETITIONS), str(int(settings.small)), *names]
        done = subprocess.run([sys.executable, "-m", f"{__package__}.batch_size", str(file), *asked], cwd=ROOT)
        if done.returncode:
            raise SystemExit("measuring the batch sizes failed; its own message is above")
        takes = json.loads(file.read_text(encoding="utf-8"))
    return [_row(name, int(size), own) for name, own in takes.items() for size in own]


def _row(name: str, size: int, takes: dict[str, Any]) -> Row:
    ours, usual = takes[str(size)], takes[str(USUAL)]
    ratios = [theirs / mine for mine, theirs in zip(ours["seconds"], usual["seconds"], strict=True)]
    seconds = statistics.median(ours["seconds"])
    return Row(
        work=f"batch-size {name} tokens={size}",
        peer=f"itself at tokens={USUAL}",
        ours_s=seconds,
        peer_s=statistics.median(usual["seconds"]),
        ratio=statistics.median(ratios),
        ours_mb=ours["peak_mb"],
        peer_mb=usual["peak_mb"],
        spread=(max(ratios) - min(ratios)) / statistics.median(ratios),
        note=f"{WORKS[name]}: {1e6 * seconds / ours['tokens']:.0f} µs for each of {ours['tokens']:,} tokens",
    )


def draw(found: Sequence[Row], folder: Path) -> None:
    """Write batch-size.csv and batch-size.png: time against the tokens of a batch, relative to batches of 1,024."""
    lines = [
        (row.work.split()[1], int(row.work.rpartition("=")[2]), row.ours_s, row.ratio, row.ours_mb) for row in found
    ]
    write_table(folder / "batch-size.csv", ("work", "tokens", "seconds", "ratio", "peak_mb"), lines)
    figure = new_figure(5, 3.5)
    if figure is None:
        return
    panel = figure.subplots()
    for name, what in WORKS.items():
        own = [(size, 1 / ratio) for work, size, _, ratio, _ in lines if work == name and ratio]
        if own:
            panel.plot(*zip(*own, strict=True), "o-", label=what)
    panel.set(xscale="log", xlabel="tokens in a batch", ylabel=f"time, batches of {USUAL:,} = 1", ylim=(0, None))
    panel.set_xticks(sorted({size for _, size, *_ in lines}))
    panel.set_xticks([], minor=True)
    panel.xaxis.set_major_formatter("{x:,.0f}")
    panel.legend(fontsize=7)
    save(figure, folder / "batch-size.png")


def _measure(repetitions: int, small: bool, names: Sequence[str]) -> dict[str, dict[int, dict[str, Any]]]:
    """Seconds of every round, tokens and peak MiB by work and size."""
    from interpmark.fixtures.subjects import load_subject
    from interpmark.suite.allocator import keep_large_buffers

    keep_large_buffers()
    subject = load_subject(SUBJECT)
    sizes = SMALL_SIZES if small else SIZES
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for name in names:
        every = name == "every"
        site, tokens, states = _given(subject, every, small)
        batches = {size: subject.batches(tokens, size, share_leads=not every) for size in sizes}
        _resume_all(subject, site, batches[USUAL], states, every)  # warms up
        found[name] = {}
        for _ in range(repetitions):
            for size in sizes:
                clock = time.perf_counter()
                _resume_all(subject, site, batches[size], states, every)
                seconds = time.perf_counter() - clock
                own = found[name].setdefault(size, {"seconds": [], "tokens": sum(map(len, tokens))})
                own["seconds"].append(seconds)
                own["peak_mb"] = peak_mb()
    return found


def _given(subject: Subject, every: bool, small: bool) -> tuple[str, list[list[int]], Ragged]:
    """A site three quarters up, texts enough for the largest batch, and their stream there."""
    from interpmark.fixtures import get_concept, get_corpus
    from interpmark.fixtures.subjects import capture

    texts = get_corpus("neutral").documents * 2 if every else get_concept("gender").texts
    tokens = subject.encode(texts[:40] if small else texts)
    site = f"resid_post.{3 * subject.n_blocks // 4}"
    return site, tokens, capture(subject, tokens, [site], share_leads=not every)[site]


def _resume_all(subject: Subject, site: str, batches: Sequence[Batch], states: Ragged, every: bool) -> None:
    from interpmark.fixtures.subjects import resume

    for batch in batches:
        hidden = states.padded(batch, subject.device, subject.dtype)
        resume(subject, site, batch, hidden, batch.mask if every else batch.last)


if __name__ == "__main__":
    result = _measure(int(sys.argv[2]), sys.argv[3] == "1", sys.argv[4:])
    Path(sys.argv[1]).write_text(json.dumps(result), encoding="utf-8")
