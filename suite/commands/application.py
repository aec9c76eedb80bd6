"""The application that commands are added to, and how an error is told."""

from __future__ import annotations

import importlib.metadata
import io
import sys
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Annotated, ParamSpec, TypeVar

import typer

from ..encodings import PLAINLY

app = typer.Typer(
    name="interpmark",
    help="Score interpretability methods on shared fixtures. To score: `pytest --pyargs interpmark.suite`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

P = ParamSpec("P")
R = TypeVar("R")


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"interpmark {importlib.metadata.version('interpmark')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAINLY)


class Shown(StrEnum):
    """How the other tables are printed."""

    text = "text"
    markdown = "markdown"
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
