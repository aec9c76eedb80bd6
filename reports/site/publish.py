"""Stores to a site: `publish` reads nothing and computes no score, it lays out what scorecards say."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from os import PathLike
from pathlib import Path

from interpmark.reports.exports import EXPORTS
from interpmark.reports.history import Point
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.site import data
from interpmark.reports.site.content import Content, Fixture, content
from interpmark.reports.site.folder import SiteFolder
from interpmark.reports.site.render import Pages
from interpmark.reports.site.trends import Trends
from interpmark.reports.store import Store

_DOWNLOADS = {
    "csv": ("CSV", "downloads/scores.csv"),
    "parquet": ("Parquet", "downloads/scores.parquet"),
    "json": ("JSON", "downloads/leaderboard.json"),
    "markdown": ("Markdown", "downloads/leaderboard.md"),
    "latex": ("LaTeX", "downloads/leaderboard.tex"),
}


@dataclass(frozen=True)
class Published:
    """What was written: the page to open, and how much of it there is."""

    index: Path
    pages: int
    cells: int
    bytes: int


def read_stores(roots: Iterable[str | PathLike[str]]) -> list[Scorecard]:
    """Return the scorecards of stores, each key once; of two results of one key, one that did not fail.

    Raises StoreError for a folder that is no store, and ValueError when there is no scorecard in any.
    """
    found: dict[str, Scorecard] = {}
    for root in roots:
        store = Store.open(root)
        for key in store.keys():  # noqa: SIM118 - a Store is no mapping
            card = store.peek(key)
            if card is not None and (key not in found or found[key].error is not None):
                found[key] = card
    if not found:
        raise ValueError(f"no scorecards in {', '.join(map(str, roots))}: there is nothing to publish")
    return list(found.values())


def publish(
    scorecards: Iterable[Scorecard],
    out: str | PathLike[str],
    title: str = "interpmark",
    history: Iterable[Point] = (),
) -> Published:
    """Write the site of scorecards into the folder `out`; open its index.html.

    `history` are the points of saved runs, for a page of trends. An earlier site in that folder is replaced, other
    files there stay. The same scorecards give the same files.
    Raises ValueError when the folder holds an index.html that interpmark did not write.
    """
    shown, trends = content(scorecards), Trends(tuple(history))
    folder = SiteFolder(out)
    downloads = _write_downloads(folder, shown)
    _write_scripts(folder)
    _write_data(folder, shown)
    version = importlib.metadata.version("interpmark")
    pages = Pages(
        site_title=title, content=shown, downloads=downloads, version=version, measures=data.measures(), trends=trends
    )
    _write_pages(folder, shown, pages)
    if trends.runs:
        folder.write("data/history.js", data.script("history", trends.data()))
        folder.write("history.html", pages.render("history", root="", here="history.html"))
    folder.finish()
    written = [folder.root / name for name in folder.files]
    return Published(
        index=folder.root / "index.html",
        pages=sum(path.suffix == ".html" for path in written),
        cells=len(shown.scorecards),
        bytes=sum(path.stat().st_size for path in written),
    )


def _write_pages(folder: SiteFolder, shown: Content, pages: Pages) -> None:
    def write(name: str, template: str, **values: object) -> None:
        root = "../" * name.count("/")
        folder.write(name, pages.render(template, root=root, here=name, **values))

    write("index.html", "index")
    write("results.html", "results")
    for fixture in shown.fixtures:
        write(f"fixtures/{fixture.slug}.html", "fixture", fixture=fixture, plots=_fixture_plots(shown, fixture))
    for method, found in shown.methods.items():
        slug = found[0][2].method_slug
        write(f"methods/{slug}.html", "method", method=method, found=found, plots=_method_plots(shown, method))
    for subject, slug in shown.subject_slugs.items():
        fixtures = shown.subjects[subject]
        own = [result for result in shown.results if result[0] in fixtures]
        write(f"subjects/{slug}.html", "subject", subject=subject, fixtures=fixtures, plots=data.results(own))


def _fixture_plots(shown: Content, fixture: Fixture) -> dict[str, object]:
    """The results on the fixture's concept at all its sites, for the plot by block, and the fixture's sweeps."""
    cell = fixture.cell

    def alike(other: Fixture) -> bool:
        there = other.cell
        return (there.concept, there.subject, there.slot) == (cell.concept, cell.subject, cell.slot)

    found = [result for result in shown.results if alike(result[0])]
    sweeps = [sweep for section in fixture.current for sweep in data.sweeps(section)]
    return data.results(found) | {"here": fixture.slug, "sweeps": sweeps}


def _method_plots(shown: Content, method: str) -> dict[str, object]:
    """The results of the method and of its other configurations, and its sweeps."""
    family = shown.methods[method][0][2].family
    found = [result for result in shown.results if result[2].family == family]
    return data.results(found)


def _write_data(folder: SiteFolder, shown: Content) -> None:
    folder.write("data/results.js", data.script("results", data.results(shown.results)))
    for fixture in shown.fixtures:
        folder.write(f"data/cells/{fixture.slug}.js", data.script(f"cells/{fixture.slug}", data.panels(shown, fixture)))


def _write_downloads(folder: SiteFolder, shown: Content) -> list[tuple[str, str]]:
    """Write the results for other programs; return (label, address) of each file."""
    for format, (_, address) in _DOWNLOADS.items():
        folder.write(address, EXPORTS[format](shown.board))
    return list(_DOWNLOADS.values())


def _write_scripts(folder: SiteFolder) -> None:
    package = files("interpmark.reports.site")
    for source in ("assets", "vendor"):
        for item in sorted(package.joinpath(source).iterdir(), key=lambda item: item.name):
            if item.name.endswith((".js", ".css", ".txt")):
                folder.write(f"{source}/{item.name}", item.read_bytes())
