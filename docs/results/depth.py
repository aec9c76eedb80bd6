r"""Erasing and swapping gender at one block after another: the tables and the plot of docs/results/depth.md.

    pytest suite --interp-fixtures 'gender@*' --interp-sites resid_post.26,resid_post.20,resid_post.14 \
        --interp-method docs/results/mirror.py \
        --interp-methods 'identity,inlp,rlace,mean-projection,leace,cde,mirror(of=inlp),mirror'
    python docs/results/depth.py .interpmark/store docs/results/depth.png

Runs resume: the store keeps what was scored, so a long list of sites may be given in parts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from reading import block, cards_of, cosine, direction, found, told
from tabulate import tabulate

from interpmark.reports.scorecard import Scorecard

ERASERS = ("inlp", "rlace", "cde", "mean-projection", "leace")
DRAWN = {"inlp": "inlp", "cde": "cde", "mean-projection": "rlace, mean-projection", "leace": "leace"}
"""What is drawn, and its label: with two classes R-LACE is mean projection."""
MIRRORS = {"inlp": "mirror(of=inlp)", "mean-projection": "mirror"}
PAIRS = (("inlp", "rlace"), ("rlace", "mean-projection"), ("cde", "mean-projection"))
COLORS = {"inlp": "C3", "cde": "C4", "mean-projection": "C2", "leace": "C1"}
Cards = Mapping[tuple[str, int], Scorecard]


def table(cards: Cards, blocks: Sequence[int], measure: str, methods: Sequence[str], digits: int = 2) -> str:
    """A measure by block and method."""
    rows = [[at, *(told(cards.get((method, at)), measure, digits) for method in methods)] for at in blocks]
    return tabulate(rows, headers=("block", *methods), tablefmt="github", disable_numparse=True)


def cosines(folder: str, cards: Cards, blocks: Sequence[int]) -> dict[tuple[str, str], dict[int, float]]:
    """The cosine between two methods' directions at every block that has both."""
    return {
        pair: {
            at: cosine(*(direction(folder, cards[method, at]) for method in pair))
            for at in blocks
            if all((method, at) in cards for method in pair)
        }
        for pair in PAIRS
    }


def curve(axes: plt.Axes, cards: Cards, blocks: Sequence[int], measure: str, method: str, **style: object) -> None:
    """A measure of a method over depth, its interval shaded."""
    points = [
        (at, estimate) for at in blocks if (card := cards.get((method, at))) and (estimate := found(card, measure))
    ]
    if points:
        axes.plot([at for at, _ in points], [one.value for _, one in points], marker=".", **style)
        low, high = ([getattr(one, end) for _, one in points] for end in ("low", "high"))
        axes.fill_between([at for at, _ in points], low, high, color=style["color"], alpha=0.15, lw=0)


def plot(cards: Cards, blocks: Sequence[int], angles: Mapping[tuple[str, str], Mapping[int, float]], path: str) -> None:
    """Accuracy, behavior, swapping and cosines against the block."""
    figure, ((accuracy, effect), (swap, angle)) = plt.subplots(2, 2, figsize=(11, 8), sharex=True, layout="constrained")
    curve(accuracy, cards, blocks, "unedited_accuracy", "identity", label="unedited", color="0.4", ls="--")
    for method, label in DRAWN.items():
        curve(accuracy, cards, blocks, "residual_accuracy", method, label=label, color=COLORS[method])
        curve(effect, cards, blocks, "behavior_effect", method, label=label, color=COLORS[method])
    for method, mirror in MIRRORS.items():
        curve(
            swap, cards, blocks, "behavior_effect", method, label=f"{method}, projected", color=COLORS[method], ls=":"
        )
        curve(swap, cards, blocks, "behavior_effect", mirror, label=f"{method}, mirrored", color=COLORS[method])
    for i, (pair, by_block) in enumerate(angles.items()):
        if by_block:
            angle.plot(list(by_block), list(by_block.values()), marker=".", color=f"C{i}", label=" and ".join(pair))
    for axes, title in (
        (accuracy, "residual linear accuracy"),
        (effect, "behavior effect: 0 untouched, 1 erased"),
        (swap, "behavior effect: 1 erased, 2 swapped"),
        (angle, "|cosine| of the directions"),
    ):
        axes.set_title(title)
        axes.legend(fontsize="small")
    for axes in (swap, angle):
        axes.set_xlabel("after block")
    figure.savefig(path, dpi=110)


def main(folder: str, path: str) -> None:
    """Print the tables, and draw the plot."""
    some = [card for card in cards_of(folder) if card.cell.site.startswith("resid_post")]
    cards = {(card.cell.method, block(card)): card for card in some}
    blocks = sorted({at for _, at in cards})
    print("\nResidual accuracy\n")
    rows = [[at, told(cards.get(("identity", at)), "unedited_accuracy")] for at in blocks]
    print(tabulate(rows, headers=("block", "unedited"), tablefmt="github", disable_numparse=True), "\n")
    print(table(cards, blocks, "residual_accuracy", ERASERS))
    for measure, digits in (
        ("behavior_effect", 2),
        ("behavior_flip_rate", 2),
        ("perplexity_damage", 3),
        ("edit_norm", 4),
    ):
        print(f"\n{measure}\n")
        print(table(cards, blocks, measure, (*ERASERS, *MIRRORS.values()), digits))
    print("\nCosines\n")
    angles = cosines(folder, cards, blocks)
    headers = ("block", *(" and ".join(pair) for pair in PAIRS))
    rows = [[at, *(f"{by[at]:.2f}" if at in by else "–" for by in angles.values())] for at in blocks]
    print(tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True))
    plot(cards, blocks, angles, path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
