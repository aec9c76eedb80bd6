r"""Residual accuracy, edit norm and directions of erasers on word vectors: the tables of docs/results/words.md.

    pytest suite --interp-fixtures word-vectors,static-embeddings --interp-seeds 0,1,2,3,4 \
        --interp-methods 'identity,random-direction,inlp,inlp(rank=20),rlace,mean-projection,leace'
    python docs/results/words.py .interpmark/store

Cosines are between the first directions that two edits take away, whatever their sign.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from reading import cards_of, cosine, direction, markdown, seeds

from interpmark.reports.scorecard import Scorecard

METHODS = {
    "identity": "identity",
    "random-direction": "*random-direction*",
    "inlp": "inlp (rank 1)",
    "inlp(rank=20)": "inlp(rank=20)",
    "rlace": "rlace (rank 1)",
    "mean-projection": "mean-projection",
    "leace": "leace",
}
"""Methods, and what the tables call them."""
MEASURES = {
    "residual accuracy": ("residual_accuracy", 3),
    "its transfer": ("residual_accuracy_transfer", 3),
    "edit norm": ("edit_norm", 3),
    "over LEACE's": ("edit_excess", 2),
}
PUBLISHED = {"inlp": "0.888 ± 0.037", "inlp(rank=20)": "0.551 ± 0.013", "rlace": "0.511 ± 0.018"}
"""Residual accuracy on the GloVe vectors of the R-LACE paper (arXiv:2201.12091)."""
BESIDE_MEANS = {"inlp": "inlp (rank 1)", "rlace": "rlace (rank 1)", "leace": "what leace writes along"}
Cards = Sequence[Scorecard]


def main(folder: str) -> None:
    """Print a table for each concept of the store, and the cosines of all of them."""
    cards = cards_of(folder)
    by_concept = {
        concept: {
            method: some
            for method in METHODS
            if (some := [card for card in cards if (card.cell.method, card.cell.concept) == (method, concept)])
        }
        for concept in sorted({card.cell.concept for card in cards}, reverse=True)
    }
    for concept, by_method in by_concept.items():
        published = PUBLISHED if concept == "word-vectors" else {}
        print(f"\n{concept}\n\n{scores(by_method, published)}")
    rows = [
        [label, *(f"{least(folder, some[method], some['mean-projection']):.3f}" for some in by_concept.values())]
        for method, label in BESIDE_MEANS.items()
    ]
    print("\nCosines to the difference of means, the least of all seeds\n")
    print(markdown(rows, ("direction", *(f"`{concept}`" for concept in by_concept))))


def scores(by_method: dict[str, Cards], published: dict[str, str]) -> str:
    """The scores of each method on a concept, with the published accuracy after ours where there is one."""
    headers, rows = ["method", *MEASURES], []
    for method, some in by_method.items():
        row = [METHODS[method], *(seeds(some, measure, digits) for measure, digits in MEASURES.values())]
        if published:
            row.insert(2, published.get(method, ""))
        rows.append(row)
    if published:
        headers.insert(2, "published, other GloVe vectors")
    return markdown(rows, headers)


def least(folder: str, some: Cards, others: Cards) -> float:
    """The smallest cosine over the seeds that both have."""
    by_seed = {card.cell.seed: card for card in others}
    return min(
        cosine(direction(folder, card), direction(folder, by_seed[card.cell.seed]))
        for card in some
        if card.cell.seed in by_seed
    )


if __name__ == "__main__":
    main(sys.argv[1])
