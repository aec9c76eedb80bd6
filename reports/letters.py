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
    place = {name: i for i, name in enumerate(order)}
    groups = [(1 << len(order)) - 1]  # a group is a number whose bits are its members
    for one, other in sorted(sorted(place[name] for name in pair) for pair in apart):
        groups = _split(groups, 1 << one, 1 << other)
        if len(groups) > 8 * _MOST:
            return {}
    if len(groups) > _MOST:
        return {}
    members = [[name for name in order if group >> place[name] & 1] for group in groups]
    members.sort(key=lambda names: [place[name] for name in names])
    return {
        name: "".join(letter for letter, names in zip(string.ascii_lowercase, members, strict=False) if name in names)
        for name in order
    }


def _split(groups: list[int], one: int, other: int) -> list[int]:
    """Split the groups that hold both, and leave out what then lies within another group."""
    both = one | other
    kept = [group for group in groups if group & both != both]
    parts = dict.fromkeys(group & ~bit for group in groups if group & both == both for bit in (one, other))
    return kept + [
        part
        for part in parts
        if not any(part & ~group == 0 for group in kept)
        and not any(part & ~group == 0 and part != group for group in parts)
    ]
