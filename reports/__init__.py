"""Results as data: scorecards, the store, intervals and leaderboards. Never imports torch."""

from interpmark.reports.estimate import Estimate, Status
from interpmark.reports.leaderboard import Leaderboard, write_reports
from interpmark.reports.measures import MEASURES, Measure, headlines, measures_for
from interpmark.reports.scorecard import SCHEMA, CellId, Failure, Role, Scorecard, ScorecardError, Scorecards
from interpmark.reports.store import Store, StoreError, StoreWarning
from interpmark.reports.sweep import Sweep, SweepPoint

__all__ = [
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
    "Sweep",
    "SweepPoint",
    "headlines",
    "measures_for",
    "write_reports",
]
