r"""Scrubbing at every block: what it costs, how large the edits are, and what is left at each site.

    pytest suite --interp-fixtures 'part-of-speech@*' --interp-sites resid_post.15 --interp-methods \
        'identity,concept-scrubbing,concept-scrubbing(shrinkage=True),concept-scrubbing(kind=random),scrub-residual'
    python docs/results/scrubbing.py .interpmark/store                        # what it costs, and sizes by site
    python docs/results/scrubbing.py .interpmark/store docs/results/scrubbing.json concept-scrubbing
    python docs/results/scrubbing.py docs/results/scrubbing.json              # residual accuracy, as a table

The second call trains adversaries at every edited site, ten seconds each in prose, those of the table first. It keeps
what it finds in the file, so that a run that was cut goes on where it was.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from reading import cards_of, told
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
"""Those of the tables."""
COARSE_FIRST = (15, 0, 29, 5, 25, 10, 20, 1, *(block for block in range(30) if block not in BLOCKS))
STREAMS = ("attn_in", "mlp_in", "resid_post")
SITES = [f"{stream}.{block}" for block in BLOCKS for stream in STREAMS]


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
        for stream in STREAMS:
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


def left(folder: str, file: Path, method: str) -> None:
    """Add the residual accuracy at sites along the pass, with all edits of a method in place, to a file."""
    known: dict[str, list[float]] = json.loads(file.read_text()) if file.exists() else {}
    for card in cards_of(folder):
        if card.cell.method != method:
            continue
        concept = card.cell.concept
        options = RunOptions(methods=("identity",), fixtures=(f"{concept}@*",), sites=(card.cell.site,))
        (cell,) = collect_cells(options)
        stage = Grounds(options, [cell], SilentProgress()).of(cell.fixture).stage
        edits = load_site_edits(Store.open(folder).edit_path(card.key))
        assert isinstance(edits, SiteEdits)
        arrivals = stage.arrivals(edits, [*edits, *(site for site in SITES if site not in edits)])
        for site in (f"{stream}.{block}" for block in COARSE_FIRST for stream in STREAMS):
            key = f"{concept}|{method}|{site}"
            if key in known or not (site in edits or (site in SITES and site.startswith("resid_post"))):
                continue
            estimates, _ = residual_accuracy_at(site, arrivals)
            found = next(one for one in estimates if one.measure == "residual_accuracy")
            known[key] = [found.value, found.low, found.high]
            file.write_text(json.dumps(known, indent=0) + "\n")
            print(key, *known[key], flush=True)


def table(file: Path) -> None:
    """Print what adversaries read, site by site; bold where the method edits."""
    known: dict[str, list[float]] = json.loads(file.read_text())
    columns = list(dict.fromkeys(tuple(key.split("|")[:2]) for key in known))
    rows = []
    for site in SITES:
        row = [site]
        for concept, method in columns:
            value = known.get(f"{concept}|{method}|{site}")
            told_so = "" if value is None else "{:.2f} [{:.2f}, {:.2f}]".format(*value)
            edited = site.startswith("resid_post") == method.startswith("scrub-residual")
            row.append(f"**{told_so}**" if told_so and edited else told_so)
        rows.append(row)
    print(tabulate(rows, headers=("site", *map(" ".join, columns)), tablefmt="github", disable_numparse=True))


def main(*given: str) -> None:
    """Print the tables of a store or of a file, or add to the file."""
    if len(given) == 3:
        left(given[0], Path(given[1]), given[2])
    elif given[0].endswith(".json"):
        table(Path(given[0]))
    else:
        cards = cards_of(given[0])
        totals(cards)
        by_site(cards)


if __name__ == "__main__":
    main(*sys.argv[1:])
