"""Interpretability methods: the registry, the edits they return, and one file per method."""
