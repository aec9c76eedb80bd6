"""Concept-erasure methods, one file each."""
