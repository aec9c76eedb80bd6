"""What there is to score and to score on, and the first steps of a new method."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ..options import DEFAULT_STORE, DEFAULT_SUBJECT
from .application import app, told_plainly


class Listed(StrEnum):
    """What `interpmark list` lists."""

    methods = "methods"
    fixtures = "fixtures"
    subjects = "subjects"


class Written(StrEnum):
    """The kinds of method that `interpmark new` has a file for."""

    eraser = "eraser"
    steerer = "steerer"


@app.command("list")
@told_plainly
def list_(what: Annotated[Listed, typer.Argument(help="methods, fixtures or subjects")]) -> None:
    """List what is there to score, to score on, and to score with."""
    from .. import listing

    typer.echo({"methods": listing.methods, "fixtures": listing.fixtures, "subjects": listing.subjects}[what.value]())


@app.command()
@told_plainly
def show(
    name: Annotated[
        str, typer.Argument(help="a method, e.g. 'inlp(rank=4)' or FILE.py, or a fixture, e.g. gender or FILE.csv")
    ],
    subject: Annotated[str | None, typer.Option(help="subject that a fixture is checked on")] = None,
    site: Annotated[list[str] | None, typer.Option(help="site of a fixture, or 'all'; may be repeated")] = None,
) -> None:
    """Show a method (parameters, claims, source), or a fixture (its texts; is it healthy on a subject?)."""
    from .. import listing

    if listing.names_method(name):
        if subject or site:
            raise ValueError(f"{name} is a method: --subject and --site go with a fixture, such as gender")
        typer.echo(listing.method(name))
        return
    from .. import showing

    typer.echo(showing.fixture(name, subject or DEFAULT_SUBJECT, site or []))


@app.command()
@told_plainly
def generate(
    methods: Annotated[list[str], typer.Argument(help="methods, e.g. leace 'inlp(rank=4)', or a method's .py file")],
    fixture: Annotated[str, typer.Option(help="what they are fitted on, e.g. gender or my_concept.jsonl")],
    prompt: Annotated[list[str], typer.Option(help="what the text goes on from; may be repeated")],
    n: Annotated[int, typer.Option("-n", help="completions of each prompt")] = 3,
    max_new_tokens: Annotated[int, typer.Option(help="the most tokens that a completion has")] = 40,
    seed: Annotated[int, typer.Option(help="of the draws: the same for every column")] = 0,
    temperature: Annotated[float, typer.Option(help="0 takes the likeliest token")] = 1.0,
    strength: Annotated[float, typer.Option(help="of steerers' edits")] = 1.0,
    subject: Annotated[str, typer.Option(help="name, hub id, local folder or .gguf file")] = DEFAULT_SUBJECT,
    site: Annotated[str | None, typer.Option(help="where to edit; by default where the subject uses it")] = None,
    store: Annotated[Path, typer.Option(help="folder that fitted edits are taken from and kept in")] = DEFAULT_STORE,
    device: Annotated[str, typer.Option(help="torch device of the subject")] = "cpu",
    dtype: Annotated[str, typer.Option(help="torch dtype of the subject")] = "float32",
    json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Print completions of the unedited and of each edited subject, side by side."""
    import shutil
    from dataclasses import replace

    from .. import listing
    from ..errors import ContractError
    from ..generating import generations
    from ..progress import StreamProgress
    from ..sampling import Sampling
    from ..showing import asked_for

    options = replace(
        asked_for(fixture, subject, [site] if site else []),
        methods=tuple(name for method in methods for name in listing.method_names(method)),
        store=store,
        device=device,
        dtype=dtype,
    )
    sampling = Sampling(n, max_new_tokens, temperature, seed)
    try:
        found = generations(options, prompt, sampling, strength, StreamProgress())
    except ContractError as error:
        raise ValueError(str(error)) from error
    width = shutil.get_terminal_size((120, 40)).columns
    typer.echo(found.to_json() if json else found.to_text(width))


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
def new(
    method: Annotated[str, typer.Argument(help="the new method's name, e.g. my-eraser")],
    kind: Annotated[Written, typer.Option(help="what it does: an eraser removes, a steerer moves")] = Written.eraser,
    folder: Annotated[Path, typer.Option(help="where to write the file")] = Path(),
) -> None:
    """Write a commented method file that runs as it is."""
    from ..scaffold import write_method

    path = write_method(method, folder, kind.value)
    typer.echo(f"wrote {path}; score it with:")
    typer.echo(f"  pytest --pyargs interpmark.suite --interp-quick --interp-method {shlex.quote(str(path))}")
