"""The lines that say how to read a leaderboard: which direction is good, and what the columns are."""

from __future__ import annotations

from collections.abc import Iterable

from interpmark.reports.measures import MEASURES, Direction, headlines

_ARROWS: dict[Direction, str] = {"lower": " ↓", "higher": " ↑", "one": " →1", "context": ""}
_WORDS: dict[Direction, str] = {
    "lower": "lower is better (↓)",
    "higher": "higher is better (↑)",
    "one": "1 is best (→1)",
}
_READINGS = {
    "eraser": "A residual accuracy at the majority rate means that nothing linear is left.",
    "steerer": (
        "A steering effect of 2 means that each class is steered as far as the unedited classes are apart, 1 half way; "
        "the strengths are chosen on half of the probe split among those that cost at most 0.1 nats."
    ),
}


def column_title(name: str, kind: str, *, stacked: bool) -> str:
    """Return a measure's column title with its unit and the direction that is good; stacked: on two lines."""
    measure = MEASURES[name]
    arrow = _ARROWS[measure.direction(kind)]
    unit = f"({measure.unit})" if measure.unit in {"s", "nats/token"} else ""
    if not stacked:
        return f"{measure.title} {unit}".rstrip() + arrow
    if measure.unit == "s":
        return f"{measure.title}\n{unit}{arrow}"
    head, _, tail = measure.title.rpartition(" ")
    return f"{head}\n{tail}{arrow}"


def legend(kinds: Iterable[str]) -> list[str]:
    """Return one line per kind of method, and one on intervals and order."""
    present = sorted(kinds)
    lines = [_directions(kind) for kind in present]
    readings = [_READINGS[kind] for kind in present if kind in _READINGS]
    lines.append(
        "Brackets are 95 % intervals. The order of rows is for reading and is no rank: overlapping intervals do not "
        f"tell two methods apart. {' '.join(readings)}".rstrip()
    )
    return lines


def rank_legend(sign: str) -> str:
    """Return how to read ranks that look like `sign`."""
    return (
        f"{sign}: the rank by that measure lies between 2 and 4, from paired tests of all pairs of methods on the same "
        "examples (5 % level, Holm's correction). A method is on the Pareto front unless another is better by one of "
        "the front's measures and worse by none."
    )


def _directions(kind: str) -> str:
    by_direction: dict[Direction, list[str]] = {}
    for name in headlines(kind):
        by_direction.setdefault(MEASURES[name].direction(kind), []).append(MEASURES[name].title)
    parts = [f"{words} for {', '.join(by_direction[way])}" for way, words in _WORDS.items() if way in by_direction]
    if "context" in by_direction:
        several = len(by_direction["context"]) > 1
        rest = "are good in no direction by themselves" if several else "is good in no direction by itself"
        parts.append(f"{', '.join(by_direction['context'])} {rest}")
    return f"For an {kind}: {'; '.join(parts)}." if kind[:1] in "aeiou" else f"For a {kind}: {'; '.join(parts)}."
