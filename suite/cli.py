"""The command line.

Listing and reading results must start at once: everything heavy is imported by the command that needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec, TypeVar

import typer

from .options import DEFAULT_STORE, DEFAULT_SUBJECT

if TYPE_CHECKING:
    from interpmark.reports.scorecard import Scorecards

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
    latex = "latex"
    csv = "csv"
    parquet = "parquet"
    json = "json"


class CitationFormat(StrEnum):
    """How `interpmark cite` prints."""

    markdown = "markdown"
    bibtex = "bibtex"
    latex = "latex"


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


@app.command("list")
@told_plainly
def list_(what: Annotated[Listed, typer.Argument(help="methods, fixtures or subjects")]) -> None:
    """List what is there to score, to score on, and to score with."""
    from . import listing

    typer.echo({"methods": listing.methods, "fixtures": listing.fixtures, "subjects": listing.subjects}[what.value]())


@app.command()
@told_plainly
def show(
    name: Annotated[str, typer.Argument(help="a method, e.g. 'inlp(rank=4)', or a fixture, e.g. gender or FILE.jsonl")],
    subject: Annotated[str | None, typer.Option(help="subject that a fixture is checked on")] = None,
    site: Annotated[list[str] | None, typer.Option(help="site of a fixture, or 'all'; may be repeated")] = None,
) -> None:
    """Show a method (parameters, claims, source), or a fixture (its texts; is it healthy on a subject?)."""
    from . import listing

    if listing.names_method(name):
        if subject or site:
            raise ValueError(f"{name} is a method: --subject and --site go with a fixture, such as gender")
        typer.echo(listing.method(name))
        return
    from . import showing

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

    from . import listing
    from .errors import ContractError
    from .generating import generations
    from .progress import StreamProgress
    from .sampling import Sampling
    from .showing import asked_for

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
def leaderboard(
    store: Annotated[Path, typer.Argument(help="the folder given to --interp-store")],
    format: Annotated[Format, typer.Option(help="how to print")] = Format.text,
    out: Annotated[Path | None, typer.Option(help="file to write instead of printing; parquet needs one")] = None,
) -> None:
    """Print or write the leaderboard of a store."""
    import shutil

    from interpmark.reports.atomic import write_atomically
    from interpmark.reports.exports import EXPORTS
    from interpmark.reports.leaderboard import leaderboard as lay_out

    if format is Format.parquet and out is None:
        raise ValueError("Parquet is no text: name a file, as in --out scores.parquet")
    board = lay_out(_scorecards(store))
    width = shutil.get_terminal_size((120, 40)).columns
    content = board.to_text(width) + "\n" if format is Format.text else EXPORTS[format.value](board)
    if out is not None:
        write_atomically(out, content)
    else:
        typer.echo(content, nl=False)


def _scorecards(store: Path) -> Scorecards:
    from interpmark.reports.store import Store

    if not store.is_dir():
        raise ValueError(f"there is no store at {store}: run `pytest --pyargs interpmark.suite --interp-store {store}`")
    scorecards = Store.open(store).scorecards()
    if not len(scorecards):
        raise ValueError(f"the store at {store} holds no scorecards yet")
    return scorecards


@app.command()
@told_plainly
def agreement(
    store: Annotated[Path, typer.Argument(help="the folder given to --interp-store")],
    fixture: Annotated[str, typer.Option(help="glob over fixtures, e.g. 'gender@*'")] = "*",
    format: Annotated[Shown, typer.Option(help="how to print")] = Shown.text,
) -> None:
    """Print the cosines between the directions that the methods' edits read and write, a matrix for each fixture."""
    from interpmark.reports import agreement as report
    from interpmark.reports.store import Store

    found = report.agreement(Store.open(store), fixture)
    show = {"text": report.agreement_text, "markdown": report.agreement_markdown, "json": report.agreement_json}
    typer.echo(show[format.value](found))


@app.command()
@told_plainly
def cite(
    store: Annotated[Path, typer.Argument(help="the folder given to --interp-store")],
    format: Annotated[CitationFormat, typer.Option(help="how to print")] = CitationFormat.markdown,
) -> None:
    """Print the versions and references that a table made of a store must cite."""
    from .citing import citations

    found = citations(_scorecards(store))
    forms = {"markdown": found.to_markdown, "bibtex": found.to_bibtex, "latex": found.to_latex}
    typer.echo(forms[format.value](), nl=False)


@app.command()
@told_plainly
def compare(
    before: Annotated[str, typer.Argument(help="store, or saved run: a file, a name or a number")],
    after: Annotated[str, typer.Argument(help="the one that is judged")],
    fail: Annotated[
        list[str] | None,
        typer.Option(help="rule that gates, e.g. residual_accuracy:0.02 or 'gender/*:edit_norm:5%'; may be repeated"),
    ] = None,
    format: Annotated[Shown, typer.Option(help="how to print")] = Shown.text,
) -> None:
    """Compare two runs; exit status 0 when nothing is worse, 1 for a regression, 2 when they cannot be compared."""
    import shutil

    from interpmark.reports.baselines import SavedRuns
    from interpmark.reports.gate import Rule, rendering
    from interpmark.reports.gate import compare as compare_runs

    rules = [Rule.parse(text) for text in fail or []]
    saved = SavedRuns()
    found = compare_runs(saved.load(before).scorecards, saved.load(after).scorecards, rules)
    if format is Shown.json:
        typer.echo(rendering.comparison_json(found), nl=False)
    elif format is Shown.markdown:
        typer.echo(rendering.comparison_markdown(found), nl=False)
    else:
        typer.echo(rendering.comparison_text(found, shutil.get_terminal_size((120, 40)).columns))
    raise typer.Exit(found.exit_code)


@app.command("side-effects")
@told_plainly
def side_effects(
    store: Annotated[Path, typer.Argument(help="the folder given to --interp-store, of a run with --interp-cross")],
    fixture: Annotated[str, typer.Option(help="glob over fixtures, e.g. 'gender@*'")] = "*",
    format: Annotated[Shown, typer.Option(help="how to print")] = Shown.text,
) -> None:
    """Print what erasing each concept does to the behavior of the run's other concepts."""
    from interpmark.reports import side_effects as report
    from interpmark.reports.store import Store

    found = report.side_effects(Store.open(store).scorecards(), fixture)
    show = {
        "text": report.side_effects_text,
        "markdown": report.side_effects_markdown,
        "json": report.side_effects_json,
    }
    typer.echo(show[format.value](found))


@app.command()
@told_plainly
def submit(
    store: Annotated[Path, typer.Argument(help="the store to be handed in")],
    method: Annotated[list[str] | None, typer.Option(help="file of a method in it; may be repeated")] = None,
) -> None:
    """Check whether a store is fit to be published beside others' results; exit status 1 when it is not."""
    from .submitting import check_submission

    verdict = check_submission(store, method or [])
    typer.echo(verdict.to_text())
    if not verdict.accepted:
        raise typer.Exit(1)


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
def new(
    method: Annotated[str, typer.Argument(help="the new method's name, e.g. my-eraser")],
    folder: Annotated[Path, typer.Option(help="where to write the file")] = Path(),
) -> None:
    """Write a commented method file that runs as it is."""
    from .scaffold import write_method

    path = write_method(method, folder)
    typer.echo(f"wrote {path}; score it with:")
    typer.echo(f"  pytest --pyargs interpmark.suite --interp-quick --interp-method {path}")
