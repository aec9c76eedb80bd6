"""What is done with whole stores: joining, publishing and handing them in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .application import app, told_plainly


@app.command()
@told_plainly
def merge(
    stores: Annotated[list[Path], typer.Argument(help="stores of shards, or of runs on several machines")],
    into: Annotated[Path, typer.Option(help="the store that gets their cells; made when it is not there")],
) -> None:
    """Join stores into one, and write its leaderboard."""
    from interpmark.reports.merge import merge as join

    merged = join(stores, into)
    typer.echo(f"{merged.added} cells added to {into}, which has {merged.total}; its leaderboard is written anew")


@app.command()
@told_plainly
def publish(
    stores: Annotated[list[Path], typer.Argument(help="stores whose results go on the site")],
    out: Annotated[Path, typer.Option(help="folder of the site; one from before is replaced")] = Path("site"),
    title: Annotated[str, typer.Option(help="the site's name")] = "interpmark",
    history: Annotated[Path | None, typer.Option(help="folder of saved runs, e.g. .interpmark, for trends")] = None,
) -> None:
    """Write a static site of results: it opens from its folder, and needs no server and no network."""
    from interpmark.reports.history import read_history
    from interpmark.reports.site import publish as write
    from interpmark.reports.site import read_stores

    done = write(read_stores(stores), out, title, read_history(history) if history else ())
    typer.echo(f"{done.pages} pages on {done.cells} cells, {done.bytes / 1e6:.1f} MB: open {done.index}")


@app.command()
@told_plainly
def submit(
    store: Annotated[Path, typer.Argument(help="the store to be handed in")],
    method: Annotated[list[str] | None, typer.Option(help="file of a method in it; may be repeated")] = None,
) -> None:
    """Check whether a store is fit to be published beside others' results; exit status 1 when it is not."""
    from ..submitting import check_submission

    verdict = check_submission(store, method or [])
    typer.echo(verdict.to_text())
    if not verdict.accepted:
        raise typer.Exit(1)
