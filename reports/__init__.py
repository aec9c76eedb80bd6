"""Results as data: scorecards, the store, intervals and leaderboards. Never imports torch."""
