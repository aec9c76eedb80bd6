"""The static site of a leaderboard: pages that open from a folder, without a server and without a network."""

from interpmark.reports.site.publish import Published, publish, read_stores

__all__ = ["Published", "publish", "read_stores"]
