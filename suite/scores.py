"""What the measures of one cell add up to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from interpmark.reports.estimate import Estimate
from interpmark.reports.measures import MEASURES
from interpmark.reports.scorecard import Claim, Sample
from interpmark.reports.sweep import Sweep


@dataclass
class Scores:
    """Estimates by measure, per-example scores by name, what came of the claims, texts, and a steerer's sweep."""

    estimates: dict[str, Estimate] = field(default_factory=dict)
    examples: dict[str, Any] = field(default_factory=dict)
    claims: list[Claim] = field(default_factory=list)
    samples: tuple[Sample, ...] = ()
    sweep: Sweep | None = None

    def add(self, scored: tuple[Iterable[Estimate], Mapping[str, Any]]) -> None:
        """Take over what a measure returns."""
        estimates, examples = scored
        self.estimates |= {estimate.measure: estimate for estimate in estimates}
        self.examples |= examples

    def include(self, other: Scores) -> None:
        """Take over what another part of the cell adds up to: estimates, examples and claims."""
        self.add((other.estimates.values(), other.examples))
        self.claims += other.claims

    def leave_out(self, names: Iterable[str], reason: str) -> None:
        """Record why measures are not scored."""
        for name in names:
            self.estimates.setdefault(name, Estimate.not_scored(name, reason, MEASURES[name].unit))
