r"""Steerers at matched damage and in both directions: the tables of docs/results/steering.md.

    pytest suite --interp-fixtures 'gender@*' --interp-methods \
        'ace,directional-ablation,caa,mean-centring,repe,probe-steering,lda-steering,logit-gradient-steering,swap,random-steering'
    python docs/results/steering.py .interpmark/store

One table for each concept and site in the store.
"""

from __future__ import annotations

import sys

from reading import block, cards_of, markdown, told

from interpmark.methods import AddedVector, load_edit
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.store import Store

MEASURES = {
    "at 0.1 nats": "steering_effect_at_0.1",
    "at 0.3 nats": "steering_effect_at_0.3",
    "chosen": "steering_effect",
    "towards": "steering_effect_towards",
    "away": "steering_effect_away",
    "damage": "perplexity_damage",
}
METHODS = (
    "ace",
    "directional-ablation",
    "caa",
    "mean-centring",
    "repe",
    "probe-steering",
    "lda-steering",
    "logit-gradient-steering",
    "swap",
    "alter-rep",
    "random-steering",
)


ADDED = ("caa", "mean-centring", "repe", "probe-steering", "lda-steering", "logit-gradient-steering", "random-steering")
"""Methods that add one vector at one site."""


def strengths(card: Scorecard) -> str:
    """The strengths that were chosen, towards and away."""
    sweep = card.sweep
    if sweep is None or sweep.chosen_towards is None or sweep.chosen_away is None:
        return "–"
    return f"{sweep.chosen_towards:+g} / {sweep.chosen_away:+g}"


def cheapest(card: Scorecard) -> str:
    """The least damage in the sweep, and its strength: what the edit costs whatever it is asked to do."""
    if card.sweep is None:
        return "–"
    point = min(card.sweep.points, key=lambda point: point.damage.value)
    return f"{point.damage.value:.3f} at {point.strength:+g}"


def unscored(cards: list[Scorecard]) -> str:
    """Which of the measures are not scored, on which methods and why; empty where all are."""
    why: dict[tuple[str, str], list[str]] = {}
    for card in cards:
        for estimate in card.estimates:
            if estimate.measure in MEASURES.values() and estimate.value is None:
                why.setdefault((estimate.measure, estimate.reason), []).append(card.cell.method)
    return "\n".join(f"* {measure} of {', '.join(some)}: {reason}" for (measure, reason), some in why.items())


def angles(folder: str, cards: list[Scorecard]) -> dict[str, str]:
    """The cosine of each added vector to CAA's, the difference of the class means, by method."""
    edits = {
        card.cell.method: load_edit(Store.open(folder).edit_path(card.key))
        for card in cards
        if card.cell.method in ADDED
    }
    vectors = {
        method: edit.vector / edit.vector.norm() for method, edit in edits.items() if isinstance(edit, AddedVector)
    }
    if "caa" not in vectors:
        return {}
    return {method: f"{float(vector @ vectors['caa']):.2f}" for method, vector in vectors.items() if method != "caa"}


def main(folder: str) -> None:
    """Print a table for each concept and site of the store, and the cosines of all of them."""
    cards = [card for card in cards_of(folder) if card.cell.kind == "steerer"]
    cosines = {}
    for concept, site in sorted({(card.cell.concept, -block(card)) for card in cards}):
        mine = [card for card in cards if (card.cell.concept, -block(card)) == (concept, site)]
        mine.sort(key=lambda card: METHODS.index(card.cell.method.partition("(")[0]))
        print(f"\n{concept} after block {-site}\n")
        rows = [
            [
                card.cell.method,
                *(told(card, measure, 3 if measure == "perplexity_damage" else 2) for measure in MEASURES.values()),
                strengths(card),
                cheapest(card),
            ]
            for card in mine
        ]
        print(markdown(rows, ("method", *MEASURES, "strengths", "least damage")))
        print(f"\nNot scored:\n{unscored(mine) or 'nothing'}")
        cosines[f"{concept} after block {-site}"] = angles(folder, mine)
    methods = [method for method in METHODS if any(method in row for row in cosines.values())]
    print("\nCosines to the difference of means\n")
    rows = [[where, *(row.get(method, "–") for method in methods)] for where, row in cosines.items()]
    print(markdown(rows, ("", *methods)))


if __name__ == "__main__":
    main(sys.argv[1])
