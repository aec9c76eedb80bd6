"""Growth of the main job: wall time and peak memory against methods, sites and prompts, one axis at a time.

Each point is a fresh `pytest suite` on a prepared subject, with an empty activation cache and an empty store; time
runs from the process's start to its end. The peer is the smallest point of the axis, and the ratio is the growth in
time over the growth in size: 1 is linear, below 1 is better. Every point pays for the start of the process, the
subject's loading and the neutral corpus, so the ratio alone flatters; the note has the seconds that each further one
took since the point before, which is what stays constant when growth is linear.

- methods: configured methods of three sorts in turn (closed formulas, INLP of rank 4, random subspaces), no two of
  which make the same edit, on gender after block 26.
- sites: LEACE on gender at blocks spread so that their mean depth is always that of the middle.
- prompts: LEACE after block 26 on names in five templates, as a concept of one's own. It has no behavior, so the edited
  subject runs on the corpus alone.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from .drawing import new_figure, save, write_table
from .job import Job
from .registry import Settings
from .rows import Row

SIZES = {"methods": (1, 2, 4, 8, 16, 32), "sites": (1, 3, 10, 30), "prompts": (250, 500, 1000, 2000, 4000)}
SMALL_SIZES = {"methods": (1, 2), "sites": (1, 3), "prompts": (100, 200)}
DEPTH = 26 / 29
TEMPLATES = 5

Takes = Mapping[int, Sequence[tuple[float, float]]]
"""Seconds and MiB of each repetition, by size."""


def rows(settings: Settings) -> list[Row]:
    """Measure: a row for each point but the smallest of an axis."""
    asked = _asked(settings)
    found: list[Row] = []
    if not asked:
        return found
    with tempfile.TemporaryDirectory(prefix="interpmark-bench-") as name:
        job = Job.prepared(Path(name), settings.small)
        for axis, sizes in asked.items():
            takes = _takes(job, axis, sizes, settings.repetitions or 1)
            found += [_row(axis, takes, before, size) for before, size in pairwise(sizes)]
    return found


def _asked(settings: Settings) -> dict[str, list[int]]:
    """The sizes that are asked for by axis, with the smallest before them."""
    asked: dict[str, list[int]] = {}
    for axis, (first, *larger) in (SMALL_SIZES if settings.small else SIZES).items():
        wanted = [
            size for size in larger if not settings.works or any(part in _name(axis, size) for part in settings.works)
        ]
        if wanted:
            asked[axis] = [first, *wanted]
    return asked


def _name(axis: str, size: int) -> str:
    return f"growth {axis}={size}"


def _takes(job: Job, axis: str, sizes: Sequence[int], repetitions: int) -> Takes:
    takes: dict[int, list[tuple[float, float]]] = {size: [] for size in sizes}
    for _ in range(repetitions):
        for size in sizes:
            takes[size].append(job.run(arguments(job, axis, size)))
            seconds, peak = takes[size][-1]
            print(f"{_name(axis, size)}: {seconds:.1f} s, {peak:.0f} MiB", file=sys.stderr, flush=True)
    return takes


def arguments(job: Job, axis: str, size: int) -> list[str]:
    """What narrows the main job down to a point."""
    wanted = METHODS[:size] if axis == "methods" else ("leace",)
    sites = spread(size, job.n_blocks) if axis == "sites" else [f"resid_post.{round(DEPTH * (job.n_blocks - 1))}"]
    concept = ["--interp-fixtures", "gender@*"]
    if axis == "prompts" or job.small:
        concept = own_concept(job.folder, size if axis == "prompts" else SMALL_SIZES["prompts"][0])
    return [*concept, "--interp-methods", ",".join(wanted), "--interp-sites", ",".join(sites)]


def _in_turn() -> tuple[str, ...]:
    """32 configured methods; every power of two has about the same share of each sort but the first."""
    closed = [
        "leace", "leace(shrinkage=True)", "leace(affine=False)", "leace(affine=False, shrinkage=True)",
        "mean-projection", "median-projection", "random-matched", "full-ablation",
    ]  # fmt: skip
    trained = [f"inlp(rank=4, weight_decay={0.001 * (i + 1):.3f})" for i in range(12)]
    random = [f"random-direction(rank={i + 1})" for i in range(12)]
    sorts = [closed, trained, random]
    return tuple(sort[i] for i in range(12) for sort in sorts if i < len(sort))


METHODS = _in_turn()


def spread(count: int, n_blocks: int) -> list[str]:
    """Sites in the middle of `count` equal parts of the depth."""
    return [f"resid_post.{int((i + 0.5) * n_blocks / count)}" for i in range(count)]


def own_concept(folder: Path, n: int) -> list[str]:
    """Write n prompts with equally many names of each gender, a multiple of ten; the arguments that score them."""
    from interpmark.fixtures.concepts.gender import HELD_OUT, SEEN
    from interpmark.fixtures.concepts.layout import read_table

    templates = [*SEEN, *HELD_OUT][:TEMPLATES]
    people = read_table("names.txt")[: n // (2 * TEMPLATES)]  # a man's and a woman's name a line
    prompts = [
        {"text": template.format(entity=name), "label": label, "group": name}
        for pair in people
        for label, name in zip(("male", "female"), pair, strict=True)
        for template in templates
    ]
    if len(prompts) != n:
        raise ValueError(f"{len(prompts)} prompts in place of {n}: there are names for multiples of ten only")
    file = folder / f"names-{n}.jsonl"
    file.write_text("".join(json.dumps(prompt) + "\n" for prompt in prompts), encoding="utf-8")
    return ["--interp-concept", str(file), "--interp-fixtures", f"{file.stem}@*"]


def _row(axis: str, takes: Takes, before: int, size: int) -> Row:
    first = min(takes)
    seconds = {one: statistics.median(taken for taken, _ in takes[one]) for one in (first, before, size)}
    growths = [mine / other for (mine, _), (other, _) in zip(takes[size], takes[first], strict=True)]
    ratios = [growth / (size / first) for growth in growths]
    each = (seconds[size] - seconds[before]) / (size - before)
    return Row(
        work=_name(axis, size),
        peer=f"itself at {axis}={first}",
        ours_s=seconds[size],
        peer_s=seconds[first],
        ratio=statistics.median(ratios),
        ours_mb=max(peak for _, peak in takes[size]),
        peer_mb=max(peak for _, peak in takes[first]),
        spread=(max(ratios) - min(ratios)) / statistics.median(ratios),
        note=f"{statistics.median(growths):.2f} times the time for {size / first:g} times the {axis}; "
        f"{each:.3g} s for each one since {before}; {len(ratios)} repetitions",
    )


def points(found: Sequence[Row]) -> dict[str, dict[int, tuple[float, float]]]:
    """Seconds and MiB by axis and size, from the rows' names."""
    by_axis: dict[str, dict[int, tuple[float, float]]] = {}
    for row in found:
        for name, seconds, peak in ((row.peer, row.peer_s, row.peer_mb), (row.work, row.ours_s, row.ours_mb)):
            axis, _, size = name.split()[-1].partition("=")
            if seconds is not None and peak is not None:
                by_axis.setdefault(axis, {})[int(size)] = (seconds, peak)
    return {axis: dict(sorted(own.items())) for axis, own in by_axis.items()}


def draw(found: Sequence[Row], folder: Path) -> None:
    """Write growth.csv and growth.png: seconds and MiB against each axis, with the straight line that fits best."""
    by_axis = points(found)
    lines = [(axis, size, *values) for axis, own in by_axis.items() for size, values in own.items()]
    write_table(folder / "growth.csv", ("axis", "size", "seconds", "peak_mb"), lines)
    figure = new_figure(3.2 * len(by_axis), 5)
    if figure is None:
        return
    import numpy as np

    panels = figure.subplots(2, len(by_axis), squeeze=False, sharex="col")
    for column, (axis, own) in enumerate(by_axis.items()):
        sizes = np.array(list(own))
        for values, label, panel in zip(zip(*own.values(), strict=True), ("s", "MiB"), panels[:, column], strict=True):
            each, start = np.polyfit(sizes, values, 1)
            panel.plot(sizes, start + each * sizes, "--", color="0.6", label=f"{start:.3g} + {each:.3g} {label} each")
            panel.plot(sizes, values, "o-")
            panel.set(ylabel="wall time, s" if label == "s" else "peak memory, MiB", ylim=(0, 1.15 * max(values)))
            panel.legend(fontsize=7)
        panels[1, column].set_xlabel(axis)
    save(figure, folder / "growth.png")
