r"""Residual accuracy, edit norm and directions of erasers on word vectors: the tables of docs/results/words.md.

    pytest suite --interp-fixtures word-vectors,static-embeddings --interp-seeds 0,1,2,3,4 \
        --interp-methods 'identity,random-direction,inlp,inlp(rank=20),rlace,mean-projection,leace'
    python docs/results/words.py .interpmark/store

Cosines are between the first directions that two edits take away, whatever their sign.
"""

from __future__ import annotations

import sys

from reading import cards_of, cosine, direction, seeds
from tabulate import tabulate

METHODS = ("identity", "random-direction", "inlp", "inlp(rank=20)", "rlace", "mean-projection", "leace")
MEASURES = {"residual accuracy": "residual_accuracy", "its transfer": "residual_accuracy_transfer"}
RANK_ONE = ("inlp", "rlace", "mean-projection", "leace")


def main(folder: str) -> None:
    """Print both tables for each concept of the store."""
    cards = cards_of(folder)
    for concept in sorted({card.cell.concept for card in cards}, reverse=True):
        mine = {
            method: [card for card in cards if card.cell.method == method and card.cell.concept == concept]
            for method in METHODS
        }
        rows = [
            (
                method,
                *(seeds(some, measure, 3) for measure in MEASURES.values()),
                seeds(some, "edit_norm", 3),
                seeds(some, "edit_excess", 2),
            )
            for method, some in mine.items()
            if some
        ]
        print(f"\n{concept}\n")
        print(tabulate(rows, headers=("method", *MEASURES, "edit norm", "over LEACE's"), tablefmt="github"))
        print(f"\nCosines between the directions of rank-1 edits on {concept}, the least of all seeds\n")
        table = [[one, *(f"{least(folder, mine[one], mine[other]):.3f}" for other in RANK_ONE)] for one in RANK_ONE]
        print(tabulate(table, headers=("", *RANK_ONE), tablefmt="github"))


def least(folder, some, others):  # type: ignore[no-untyped-def]
    """The smallest cosine over the seeds that both have."""
    by_seed = {card.cell.seed: card for card in others}
    return min(
        cosine(direction(folder, card), direction(folder, by_seed[card.cell.seed]))
        for card in some
        if card.cell.seed in by_seed
    )


if __name__ == "__main__":
    main(sys.argv[1])
