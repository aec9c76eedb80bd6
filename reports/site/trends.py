"""Saved runs for the history page: each headline score along the runs, and where a trend breaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from interpmark.reports.estimate import Estimate
from interpmark.reports.history import Point
from interpmark.reports.measures import MEASURES
from interpmark.reports.numbers import interval_text, one_line, value_text


@dataclass(frozen=True)
class Run:
    """One saved run. `broken`: what differs from the runs before, with the number of scores that it breaks."""

    label: str
    saved: str
    commit: str
    dirty: bool
    scores: int
    broken: tuple[tuple[str, int], ...]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Trends:
    """The points of a history, by the time of their runs."""

    points: tuple[Point, ...]

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The runs in the order of their times."""
        found: dict[str, list[Point]] = {}
        for point in self.points:
            found.setdefault(point.run, []).append(point)
        return tuple(_run(points) for points in found.values())

    def data(self) -> dict[str, Any]:
        """Return what the plot is made from."""
        places = {run.label: index for index, run in enumerate(self.runs)}
        series: dict[tuple[str, ...], list[Any]] = {}
        for point in self.points:
            if point.measure in MEASURES and MEASURES[point.measure].headline:
                name = (point.kind, point.fixture, point.measure, point.method, point.role)
                series.setdefault(name, []).append(_plotted(point, places[point.run]))
        return {
            "runs": [{"label": run.label, "saved": run.saved, "commit": run.commit[:12]} for run in self.runs],
            "series": [
                {
                    "kind": kind,
                    "fixture": fixture,
                    "measure": measure,
                    "method": one_line(method),
                    "role": role,
                    "points": p,
                }
                for (kind, fixture, measure, method, role), p in series.items()
            ],
        }


def _run(points: Sequence[Point]) -> Run:
    first = points[0]
    broken: dict[str, int] = {}
    for point in points:
        for what in point.broken_by:
            broken[what] = broken.get(what, 0) + 1
    sources = tuple(sorted({point.method for point in points if point.source_changed}))
    scores = sum(point.status == "ok" for point in points)
    return Run(first.run, first.saved, first.commit, first.dirty, scores, tuple(sorted(broken.items())), sources)


def _plotted(point: Point, place: int) -> dict[str, Any]:
    shown: dict[str, Any] = {"run": place, "broken": list(point.broken_by), "source": point.source_changed}
    if point.status != "ok" or point.value is None:
        return shown | {"e": None}
    estimate = Estimate(point.measure, point.value, point.low, point.high, point.n, point.unit)
    return shown | {"e": [point.value, point.low, point.high, value_text(estimate), interval_text(estimate)]}
