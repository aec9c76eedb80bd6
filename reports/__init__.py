"""Results as data: scorecards, the store, intervals and leaderboards. Never imports torch."""

from interpmark.reports.estimate import Estimate, Status
from interpmark.reports.measures import HEADLINES, MEASURES, Measure
from interpmark.reports.scorecard import SCHEMA, CellId, Failure, Role, Scorecard, ScorecardError, Scorecards

__all__ = [
    "HEADLINES",
    "MEASURES",
    "SCHEMA",
    "CellId",
    "Estimate",
    "Failure",
    "Measure",
    "Role",
    "Scorecard",
    "ScorecardError",
    "Scorecards",
    "Status",
]
