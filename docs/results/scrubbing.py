r"""Scrubbing at every block: what it costs, how large the edits are, and what is left at each site.

    pytest suite --interp-fixtures 'part-of-speech@*' --interp-sites resid_post.15 --interp-methods \
        'identity,concept-scrubbing,concept-scrubbing(shrinkage=True),concept-scrubbing(kind=random),scrub-residual'
    python docs/results/scrubbing.py .interpmark/store                        # the tables of docs/results/scrubbing.md
    python docs/results/scrubbing.py .interpmark/store concept-scrubbing      # residual accuracy at sites all along

The second script call trains adversaries at many sites and takes minutes.
"""

from __future__ import annotations

import sys

from reading import cards_of, interval, told
from tabulate import tabulate

from interpmark.methods import SiteEdits, load_site_edits
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.store import Store
from interpmark.suite.cells import collect_cells
from interpmark.suite.grounds import Grounds
from interpmark.suite.options import RunOptions
from interpmark.suite.progress import SilentProgress
from interpmark.suite.site_scoring import residual_accuracy_at

MEASURES = {
    "residual accuracy": ("residual_accuracy", 2),
    "edit norm": ("edit_norm", 3),
    "off target": ("edit_norm_off_target", 3),
    "perplexity damage": ("perplexity_damage", 3),
    "TV off target": ("behavior_tv_off_target", 3),
}
BLOCKS = (0, 1, 5, 10, 15, 20, 25, 29)


def totals(cards: list[Scorecard]) -> None:
    """Print the scores of each method."""
    rows = [[name(card), *(told(card, *measure) for measure in MEASURES.values())] for card in cards]
    print(tabulate(rows, headers=("method", *MEASURES), tablefmt="github", disable_numparse=True))


def by_site(cards: list[Scorecard]) -> None:
    """Print the edit norm at sites along the pass, on the concept's prompts and on neutral text."""
    several = [card for card in cards if "edited_sites" in card.examples]
    for key in ("edit_norm_by_site", "edit_norm_off_target_by_site", "guard_residual_by_site"):
        print(f"\n{key}\n")
        rows = []
        for stream in ("attn_in", "mlp_in", "resid_post"):
            for block in BLOCKS:
                row = [at(card, key, f"{stream}.{block}") for card in several]
                if any(row):
                    rows.append([f"{stream}.{block}", *row])
        print(tabulate(rows, headers=("site", *map(name, several)), tablefmt="github", disable_numparse=True))


def at(card: Scorecard, key: str, site: str) -> str:
    """One site's number."""
    sites = list(card.examples["edited_sites"])
    return f"{card.examples[key][sites.index(site)]:.2g}" if site in sites and key in card.examples else ""


def name(card: Scorecard) -> str:
    """The method as written in the tables."""
    return card.cell.method


def left(folder: str, cards: list[Scorecard], method: str) -> None:
    """Print the residual accuracy at sites along the pass, with all edits of a method in place."""
    concept = cards[0].cell.concept
    options = RunOptions(methods=("identity",), fixtures=(f"{concept}@*",), sites=(cards[0].cell.site,))
    (cell,) = collect_cells(options)
    stage = Grounds(options, [cell], SilentProgress()).of(cell.fixture).stage
    sites = [f"{stream}.{block}" for block in BLOCKS for stream in ("attn_in", "mlp_in", "resid_post")]
    for card in cards:
        if card.cell.method != method:
            continue
        edits = load_site_edits(Store.open(folder).edit_path(card.key))
        assert isinstance(edits, SiteEdits)
        arrivals = stage.arrivals(edits, [*edits, *(site for site in sites if site not in edits)])
        for site in sites:
            estimates, _ = residual_accuracy_at(site, arrivals)
            found = next(one for one in estimates if one.measure == "residual_accuracy")
            print(f"{name(card)} | {site} | {interval(found)}", flush=True)


def main(folder: str, method: str = "") -> None:
    """Print the tables of a store."""
    cards = cards_of(folder)
    if method:
        left(folder, cards, method)
        return
    totals(cards)
    by_site(cards)


if __name__ == "__main__":
    main(*sys.argv[1:])
