r"""Erasing and swapping gender at one block after another: the tables, the plot and the file of docs/results/depth.md.

    pytest suite --interp-fixtures 'gender@*' --interp-sites all --interp-method docs/results/mirror.py \
        --interp-methods 'identity,inlp,rlace,mean-projection,leace,cde,full-ablation,mirror(of=inlp),mirror'
    python docs/results/depth.py .interpmark/store docs/results/depth.png docs/results/depth.json

Runs resume: the store keeps what was scored, so the sites may be given in parts. Tables are of seed 0; one compares the
seeds where a block has more of them, and the last is of `politics`. Three tables are of the blocks of the story alone;
the file has every block.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import matplotlib.pyplot as plt
from reading import block, cards_of, cosine, direction, found, markdown, told

from interpmark.reports.scorecard import Scorecard

ERASERS = {"inlp": "inlp", "rlace, mean-projection": "mean-projection", "cde": "cde", "leace": "leace"}
"""Columns, and their methods: with two classes R-LACE is mean projection, which the cosines show."""
MIRRORS = {"inlp": "mirror(of=inlp)", "mean-projection": "mirror"}
PROJECTED_AND_MIRRORED = {
    "inlp": "inlp",
    "inlp, mirrored": "mirror(of=inlp)",
    "mean-projection": "mean-projection",
    "mean-projection, mirrored": "mirror",
    "cde": "cde",
    "leace": "leace",
}
WITH_A_MIRROR = {"inlp": "inlp", "mean-projection": "mean-projection", "its mirror": "mirror"}
PAIRS = (("inlp", "rlace"), ("rlace", "mean-projection"), ("cde", "mean-projection"), ("cde", "inlp"))
EXCHANGED = {**ERASERS, "the whole activation": "full-ablation"}
STORY = (0, 1, 2, 5, 7, 8, 10, 12, 13, 14, 16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 27, 28, 29)
"""The blocks of the tables that do not have all: where the effects come and go."""
TABLES = (
    ("Residual accuracy", "residual_accuracy", ERASERS, 2, range(30)),
    ("Behavior effect: projected and mirrored", "behavior_effect", PROJECTED_AND_MIRRORED, 2, range(30)),
    ("Exchange", "behavior_swap_success", EXCHANGED, 2, range(22, 30)),
    ("Share of prompts whose answer becomes the other one", "behavior_flip_rate", PROJECTED_AND_MIRRORED, 2, STORY),
    ("Damage", "perplexity_damage", {**WITH_A_MIRROR, "cde": "cde", "leace": "leace"}, 3, STORY),
    ("Edit norm", "edit_norm", ERASERS, 4, STORY),
)
READ = {
    "residual accuracy": ("residual_accuracy", 2),
    "edit norm": ("edit_norm", 4),
    "damage": ("perplexity_damage", 3),
}
"""What is left of `politics`, whose behavior is too weak to be scored."""
READ_AFTER = ("random-direction", "inlp", "inlp(rank=8)", "rlace", "mean-projection", "leace")
OVER_SEEDS = {"residual accuracy": ("residual_accuracy", 2), "behavior effect": ("behavior_effect", 3)}
COLORS = {"inlp": "C3", "cde": "C4", "mean-projection": "C2", "leace": "C1", "full-ablation": "0.4"}
Cards = Mapping[tuple[str, int], Scorecard]


def table(cards: Cards, blocks: Sequence[int], measure: str, columns: Mapping[str, str], digits: int) -> str:
    """A measure by block and method; the accuracy with the unedited one before it."""
    headers, rows = ["block", *columns], [[str(at)] for at in blocks]
    if measure == "residual_accuracy":
        headers.insert(1, "unedited")
        for row, at in zip(rows, blocks, strict=True):
            row.append(told(cards.get(("identity", at)), "unedited_accuracy"))
    for row, at in zip(rows, blocks, strict=True):
        row += [told(cards.get((method, at)), measure, digits) for method in columns.values()]
    return markdown(rows, headers)


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


def by_seed(folder: str, cards: Sequence[Scorecard]) -> str:
    """Each seed's scores, and how far apart its directions are, wherever a cell was run under several seeds."""
    cells = sorted({(block(card), card.cell.method) for card in cards if card.cell.method in ERASERS.values()})
    rows = []
    for at, method in cells:
        mine = [card for card in cards if (block(card), card.cell.method) == (at, method)]
        if len(mine) < 2:
            continue
        mine.sort(key=lambda card: card.cell.seed)
        directions = [direction(folder, card) for card in mine]
        least = min(cosine(one, other) for one, other in combinations(directions, 2))
        scores = ["; ".join(told(card, measure, digits) for card in mine) for measure, digits in OVER_SEEDS.values()]
        rows.append([at, method, *scores, f"{least:.3f}"])
    return markdown(rows, ("block", "method", *OVER_SEEDS, "least cosine of two seeds' directions"))


def readable(cards: Cards, blocks: Sequence[int]) -> str:
    """What adversaries read before and after each eraser, and the eraser's cost, by block."""
    rows = []
    for at in blocks:
        rows.append([at, "unedited", told(cards.get(("identity", at)), "unedited_accuracy"), "–", "–"])
        some = [(method, card) for method in READ_AFTER if (card := cards.get((method, at)))]
        rows += [
            [at, method, *(told(card, *how) for how in READ.values())]
            for method, card in some
            if found(card, "residual_accuracy")
        ]
    return markdown(rows, ("block", "method", *READ))


def curve(axes: plt.Axes, cards: Cards, blocks: Sequence[int], measure: str, method: str, **style: object) -> None:
    """A measure of a method over depth, its interval shaded."""
    points = [
        (at, estimate) for at in blocks if (card := cards.get((method, at))) and (estimate := found(card, measure))
    ]
    if points:
        axes.plot([at for at, _ in points], [one.value for _, one in points], marker=".", **style)
        low, high = ([getattr(one, end) for _, one in points] for end in ("low", "high"))
        axes.fill_between([at for at, _ in points], low, high, color=style["color"], alpha=0.15, lw=0)


def kept(cards: Cards, angles: Mapping[tuple[str, str], Mapping[int, float]]) -> dict[str, list[float] | float]:
    """Every number of the tables at every block: value and interval by measure, method and block, and the cosines."""
    every: dict[str, list[float] | float] = {}
    for _, measure, columns, digits, _ in TABLES:
        for method, at in sorted(cards, key=lambda key: (key[0], key[1])):
            if method in columns.values() and (one := found(cards[method, at], measure)):
                every[f"{measure}|{method}|{at}"] = [round(x, digits + 2) for x in (one.value, one.low, one.high)]
    for at in sorted({at for _, at in cards}):
        if ("identity", at) in cards and (one := found(cards["identity", at], "unedited_accuracy")):
            every[f"unedited_accuracy|{at}"] = [round(x, 4) for x in (one.value, one.low, one.high)]
    for pair, by_block in angles.items():
        every |= {f"cosine|{'|'.join(pair)}|{at}": round(angle, 4) for at, angle in by_block.items()}
    return every


def plot(cards: Cards, blocks: Sequence[int], angles: Mapping[tuple[str, str], Mapping[int, float]], path: str) -> None:
    """Accuracy, behavior, swapping, exchange, damage and cosines against the block."""
    figure, ((accuracy, effect), (swap, exchange), (damage, angle)) = plt.subplots(
        3, 2, figsize=(11, 11), sharex=True, layout="constrained"
    )
    curve(accuracy, cards, blocks, "unedited_accuracy", "identity", label="unedited", color="0.4", ls="--")
    for label, method in ERASERS.items():
        curve(accuracy, cards, blocks, "residual_accuracy", method, label=label, color=COLORS[method])
        curve(effect, cards, blocks, "behavior_effect", method, label=label, color=COLORS[method])
        curve(damage, cards, blocks, "perplexity_damage", method, label=label, color=COLORS[method])
    for label, method in EXCHANGED.items():
        curve(exchange, cards, blocks, "behavior_swap_success", method, label=label, color=COLORS[method])
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
        (exchange, "share of exchanges at the last token that win"),
        (damage, "damage on neutral text, nats per token"),
        (angle, "|cosine| of the directions"),
    ):
        axes.set_title(title)
        axes.legend(fontsize="small")
    for axes in (damage, angle):
        axes.set_xlabel("after block")
    figure.savefig(path, dpi=110)


def main(folder: str, path: str, file: str) -> None:
    """Print the tables, draw the plot, and write every block's numbers to a file."""
    every = [card for card in cards_of(folder) if card.cell.concept == "gender"]
    cards, blocks = of_first_seed(every)
    for title, measure, columns, digits, some in TABLES:
        print(f"\n{title}\n\n{table(cards, [at for at in blocks if at in some], measure, columns, digits)}")
    angles = cosines(folder, cards, blocks)
    rows = [[at, *(f"{by[at]:.2f}" if at in by else "–" for by in angles.values())] for at in blocks]
    print(f"\nCosines\n\n{markdown(rows, ('block', *(' and '.join(pair) for pair in PAIRS)))}")
    print(f"\nSeeds\n\n{by_seed(folder, every)}")
    politics = [card for card in cards_of(folder) if card.cell.concept == "politics"]
    print(f"\nPolitics\n\n{readable(*of_first_seed(politics))}")
    plot(cards, blocks, angles, path)
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in kept(cards, angles).items())
    Path(file).write_text("{\n" + ",\n".join(lines) + "\n}\n")


def of_first_seed(some: Iterable[Scorecard]) -> tuple[Cards, list[int]]:
    """The scorecards of seed 0 by method and block, and the blocks."""
    cards = {(card.cell.method, block(card)): card for card in some if card.cell.seed == 0}
    return cards, sorted({at for _, at in cards})


if __name__ == "__main__":
    main(*sys.argv[1:])
