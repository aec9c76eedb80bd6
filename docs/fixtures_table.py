"""What the unedited subject does on the concepts of a run: the table of docs/fixtures.md.

pytest suite --interp-fixtures 'sentiment@*' --interp-methods identity,mean-projection,leace
python docs/fixtures_table.py .interpmark/store
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from tabulate import tabulate

from interpmark.fixtures import concept_names, get_concept, get_facts
from interpmark.reports.intervals import Interval, clustered_mean
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.store import Store

SPLITS = ("fit", "probe", "test", "transfer")
HEADERS = ("concept", "classes", "entities", "rows", "site", "unedited accuracy", "majority", "g before", "own first")


def row(card: Scorecard) -> Sequence[object]:
    """Sizes of a concept, how well adversaries read it before any edit, and how far the subject acts on it."""
    concept = get_concept(card.cell.concept)
    rows = [concept.rows(split) for split in SPLITS]
    entities = [len({concept.groups[i] for i in some}) for some in rows]
    estimates = {estimate.measure: estimate for estimate in card.estimates}
    read, majority = estimates["unedited_accuracy"], estimates["majority_rate"]
    return (
        concept.name,
        len(concept.classes),
        " / ".join(str(n) for n in entities if n),
        " / ".join(str(len(some)) for some in rows if len(some)),
        card.cell.site,
        f"{read.value:.2f} [{read.low:.2f}, {read.high:.2f}]",
        f"{majority.value:.2f}",
        *behavior(card),
    )


def behavior(card: Scorecard) -> tuple[str, str]:
    """Mean g in nats and the share of prompts whose own class's answers come first, each with its interval."""
    if "behavior_g_before" not in card.examples:
        return "", ""
    concept, facts = get_concept(card.cell.concept), get_facts(card.cell.concept)
    groups = list(facts.groups) if facts else [concept.groups[i] for i in concept.rows("test")]
    g = clustered_mean(np.array(card.examples["behavior_g_before"]), groups)
    own = clustered_mean(np.array(card.examples["behavior_own_before"]), groups, bounds=(0, 1))
    return told(g), told(own)


def told(found: Interval) -> str:
    """The value and its interval."""
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def main(folders: Sequence[str]) -> None:
    """Print a row for every classified concept and site of the stores."""
    names = concept_names()
    cards = [
        card
        for folder in folders
        for card in Store.open(folder).scorecards()
        if card.cell.method == "identity" and card.cell.concept in names and card.error is None
    ]
    cards = [card for card in cards if get_concept(card.cell.concept).classes]
    cards.sort(key=lambda card: (names.index(card.cell.concept), -int(card.cell.site.rpartition(".")[2])))
    print(tabulate([row(card) for card in cards], headers=HEADERS, tablefmt="github"))


if __name__ == "__main__":
    main(sys.argv[1:])
