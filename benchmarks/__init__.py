"""Measured against peers: each work is done by this project and by a named peer, in the same run.

Run from the repository: `python -m benchmarks [--only NAME] [--json FILE] [--list]`. Results are in `RESULTS.md`.
"""
