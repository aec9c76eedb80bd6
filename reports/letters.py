"""The compact letter display: methods that share a letter are not told apart; those that share none are.

Letters are made by insertion and absorption (Piepho, "An algorithm for a letter-based representation of all-pairwise
comparisons", 2004).
"""

from __future__ import annotations

import string
from collections.abc import Sequence

_MOST = len(string.ascii_lowercase)


def compact_letters(order: Sequence[str], apart: frozenset[frozenset[str]]) -> dict[str, str]:
    """Return each method's letters, `a` for the group that holds the first of `order`.

    `apart` are the pairs that are told apart. Returns an empty mapping when 26 letters do not suffice: then only the
    pairs themselves say it.
    """
    groups = [set(order)]
    for one, other in sorted(sorted(pair, key=order.index) for pair in apart):
        split = [group for group in groups if one in group and other in group]
        groups = [group for group in groups if group not in split]
        groups += [group - {name} for group in split for name in (one, other)]
        groups = _absorbed(groups)
        if len(groups) > 8 * _MOST:
            return {}
    if len(groups) > _MOST:
        return {}
    groups.sort(key=lambda group: sorted(map(order.index, group)))
    return {
        name: "".join(letter for letter, group in zip(string.ascii_lowercase, groups, strict=False) if name in group)
        for name in order
    }


def _absorbed(groups: list[set[str]]) -> list[set[str]]:
    """Leave out a group that lies within another; of equal ones the first stays."""
    return [
        group
        for i, group in enumerate(groups)
        if not any(group < other or (group == other and j < i) for j, other in enumerate(groups))
    ]
