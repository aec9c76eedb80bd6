"""Pairs of prompts that differ in their entity alone: same template, another class."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from interpmark.methods import FitError


def opposite_pairs(rows: torch.Tensor, z: torch.Tensor, templates: Sequence[str], seed: int) -> torch.Tensor:
    """Each of the rows with one of another class and the same template, `[m, 2]`; rows that have none are left out.

    Args:
        rows: The rows to pair among themselves, `[n]` int64.
        z: Classes of all rows.
        templates: Templates of all rows; rows without any ("") are of one template.
        seed: Draws the partners.

    Raises:
        FitError: Labels are continuous, or no row has a partner.

    """
    if z.is_floating_point():
        raise FitError("pairs are of two classes, and the labels are continuous")
    generator = torch.Generator().manual_seed(seed)
    members: dict[tuple[str, int], list[int]] = {}
    for row in rows.tolist():
        members.setdefault((templates[row], int(z[row])), []).append(row)
    classes = sorted({label for _, label in members})
    pairs = []
    for row in rows.tolist():
        others = [m for c in classes if c != int(z[row]) for m in members.get((templates[row], c), [])]
        if others:
            pairs.append((row, others[int(torch.randint(len(others), (), generator=generator))]))
    if not pairs:
        raise FitError("no template of the fit split has entities of two classes, so that there are no pairs")
    return torch.tensor(pairs)
