"""Results as data: scorecards, the store, intervals and leaderboards. Never imports torch."""

from interpmark.reports.estimate import Estimate, Status
from interpmark.reports.leaderboard import Leaderboard, write_reports
from interpmark.reports.measures import HEADLINES, MEASURES, Measure
from interpmark.reports.scorecard import SCHEMA, CellId, Failure, Role, Scorecard, ScorecardError, Scorecards
from interpmark.reports.store import Store, StoreError, StoreWarning

__all__ = [
    "HEADLINES",
    "MEASURES",
    "SCHEMA",
    "CellId",
    "Estimate",
    "Failure",
    "Leaderboard",
    "Measure",
    "Role",
    "Scorecard",
    "ScorecardError",
    "Scorecards",
    "Status",
    "Store",
    "StoreError",
    "StoreWarning",
    "write_reports",
]
