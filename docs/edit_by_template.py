"""Whose edit is smallest depends on the prompts: those of templates that a guard was fitted on, or of others.

LEACE's edit is the smallest of all affine guards' on the rows that it was fitted on. This script splits the edit norm
of a finished run on the test split by template: templates that the fit split has too, and held-out ones.

    pytest suite && python docs/edit_by_template.py .interpmark/store
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from tabulate import tabulate

from interpmark.fixtures import DEFAULT_CONCEPTS, get_concept
from interpmark.reports.intervals import clustered_ratio
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.store import Store

METHODS = ("leace", "leace(shrinkage=True)", "mean-projection")


def by_template(card: Scorecard) -> Iterator[str]:
    """The edit norm on test prompts of seen and of held-out templates, each with its interval."""
    concept = get_concept(card.cell.concept)
    rows = concept.rows("test")
    templates = {concept.templates[row] for row in concept.rows("fit")}
    seen = np.array([concept.templates[row] in templates for row in rows])
    groups = np.array([concept.groups[row] for row in rows])
    size = np.array(card.examples["edit_squared_size"])
    spread = np.array(card.examples["squared_deviation"])
    for chosen in (seen, ~seen):
        found = clustered_ratio(size[chosen], spread[chosen], groups[chosen])
        yield f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"


def main(folder: str) -> None:
    """Print a row for every guard on every concept of the store."""
    cards = [
        card
        for card in Store.open(folder).scorecards()
        if card.cell.method in METHODS and card.cell.concept in DEFAULT_CONCEPTS and card.error is None
    ]
    cards.sort(key=lambda card: (card.cell.concept, card.cell.site, card.cell.method))
    rows = [(card.cell.concept, card.cell.site, card.cell.method, *by_template(card)) for card in cards]
    print(
        tabulate(rows, headers=("concept", "site", "method", "seen templates", "held-out templates"), tablefmt="github")
    )


if __name__ == "__main__":
    main(sys.argv[1])
