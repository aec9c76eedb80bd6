"""What the tables of this folder have in common: scores of a store by name, and directions of the edits in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from interpmark.methods import AffineEdit, load_edit
from interpmark.reports.estimate import Estimate
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.store import Store


def cards_of(folder: str) -> list[Scorecard]:
    """The scorecards of a store that hold scores."""
    return [card for card in Store.open(folder).scorecards() if card.error is None]


def markdown(rows: Iterable[Sequence[object]], headers: Sequence[str]) -> str:
    """A table as the pages hold it: without padding, so that one new figure changes one line."""
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in (headers, ["---"] * len(headers), *rows))


def block(card: Scorecard) -> int:
    """The block of a card's site."""
    return int(card.cell.site.rpartition(".")[2])


def found(card: Scorecard, measure: str) -> Estimate | None:
    """An estimate of a card; None where it is not scored."""
    estimates = {estimate.measure: estimate for estimate in card.estimates}
    estimate = estimates.get(measure)
    return None if estimate is None or estimate.value is None else estimate


def told(card: Scorecard | None, measure: str, digits: int = 2) -> str:
    """The value and its interval, or a dash."""
    estimate = None if card is None else found(card, measure)
    return "–" if estimate is None else interval(estimate, digits)


def interval(estimate: Estimate, digits: int = 2) -> str:
    """The value and its 95 % interval."""
    value, low, high = (f"{number:.{digits}f}" for number in (estimate.value, estimate.low, estimate.high))
    return value if low == high == value else f"{value} [{low}, {high}]"


def direction(folder: str, card: Scorecard) -> torch.Tensor:
    """The first direction that an affine edit takes away, of unit length, `[d]`."""
    edit = load_edit(Store.open(folder).edit_path(card.key))
    if not isinstance(edit, AffineEdit):
        raise TypeError(f"{card.cell.method} is no affine edit and takes no direction away")
    return edit.write[:, 0] / edit.write[:, 0].norm()


def cosine(one: torch.Tensor, other: torch.Tensor) -> float:
    """The cosine of two directions whose sign means nothing."""
    return float((one @ other).abs())


def seeds(cards: Sequence[Scorecard], measure: str, digits: int = 2) -> str:
    """A score with the interval of the first seed, and its range over all of them where they differ."""
    values = [estimate.value for card in cards if (estimate := found(card, measure)) is not None]
    first = told(cards[0], measure, digits)
    low, high = (f"{end(value for value in values if value is not None):.{digits}f}" for end in (min, max))
    return first if low == high else f"{first}; seeds {low} to {high}"
