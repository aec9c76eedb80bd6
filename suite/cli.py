"""The command line: `interpmark list|show|fetch|leaderboard|merge|new`.

Listing and reading results must start at once: everything heavy is imported by the command that needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer

app = typer.Typer(
    name="interpmark",
    help="Score interpretability methods on shared fixtures. To score: `pytest --pyargs interpmark.suite`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

P = ParamSpec("P")
R = TypeVar("R")


class Listed(StrEnum):
    """What `interpmark list` lists."""

    methods = "methods"
    fixtures = "fixtures"
    subjects = "subjects"


class Format(StrEnum):
    """How `interpmark leaderboard` prints."""

    text = "text"
    markdown = "markdown"
    csv = "csv"
    json = "json"


def told_plainly(command: Callable[P, R]) -> Callable[P, R]:
    """Print an error that the user can mend as one message, without a traceback; exit status 2."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except (ValueError, OSError) as error:
            typer.echo(f"interpmark: {error}", err=True)
            raise typer.Exit(2) from error

    return run


@app.command("list")
@told_plainly
def list_(what: Annotated[Listed, typer.Argument(help="methods, fixtures or subjects")]) -> None:
    """List what is there to score, to score on, and to score with."""
    from . import listing

    typer.echo({"methods": listing.methods, "fixtures": listing.fixtures, "subjects": listing.subjects}[what.value]())


@app.command()
@told_plainly
def show(
    method: Annotated[str, typer.Argument(help="a method's name or spec, e.g. leace or 'inlp(rank=4)'")],
) -> None:
    """Show a method: what it does, its parameters, claims and source."""
    from . import listing

    typer.echo(listing.method(method))


@app.command()
@told_plainly
def fetch(subject: Annotated[str, typer.Argument(help="a subject's name, e.g. smollm2-135m")]) -> None:
    """Fetch a subject's weights into the cache folder, check them, and make them ready to be loaded."""
    from interpmark.fixtures.subjects import fetch as fetch_subject
    from interpmark.fixtures.subjects.prepared import prepare_gguf

    path = fetch_subject(subject)
    prepare_gguf(path)
    typer.echo(str(path))


@app.command()
@told_plainly
def leaderboard(
    store: Annotated[Path, typer.Argument(help="the folder given to --interp-store")],
    format: Annotated[Format, typer.Option(help="how to print")] = Format.text,
) -> None:
    """Print the leaderboard of a store."""
    from interpmark.reports.leaderboard import leaderboard as lay_out
    from interpmark.reports.store import Store

    if not store.is_dir():
        raise ValueError(f"there is no store at {store}: run `pytest --pyargs interpmark.suite --interp-store {store}`")
    scorecards = Store.open(store).scorecards()
    if not len(scorecards):
        raise ValueError(f"the store at {store} holds no scorecards yet")
    if format is Format.csv:
        scorecards.to_frame().to_csv(sys.stdout, index=False)
    elif format is Format.json:
        typer.echo(lay_out(scorecards).to_json())
    elif format is Format.markdown:
        typer.echo(lay_out(scorecards).to_markdown())
    else:
        import shutil

        typer.echo(lay_out(scorecards).to_text(width=shutil.get_terminal_size((120, 40)).columns))


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
def new(
    method: Annotated[str, typer.Argument(help="the new method's name, e.g. my-eraser")],
    folder: Annotated[Path, typer.Option(help="where to write the file")] = Path(),
) -> None:
    """Write a commented method file that runs as it is."""
    from .scaffold import write_method

    path = write_method(method, folder)
    typer.echo(f"wrote {path}; score it with:")
    typer.echo(f"  pytest --pyargs interpmark.suite --interp-quick --interp-method {path}")
