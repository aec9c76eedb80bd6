"""What a store says: tables, agreement, side effects, what to cite, and how it compares with an earlier one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .application import Shown, app, told_plainly

if TYPE_CHECKING:
    from interpmark.reports.scorecard import Scorecards


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
def cite(
    store: Annotated[Path, typer.Argument(help="the folder given to --interp-store")],
    format: Annotated[CitationFormat, typer.Option(help="how to print")] = CitationFormat.markdown,
) -> None:
    """Print the versions and references that a table made of a store must cite."""
    from ..citing import citations

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


def _scorecards(store: Path) -> Scorecards:
    from interpmark.reports.store import Store

    if not store.is_dir():
        raise ValueError(f"there is no store at {store}: run `pytest --pyargs interpmark.suite --interp-store {store}`")
    scorecards = Store.open(store).scorecards()
    if not len(scorecards):
        raise ValueError(f"the store at {store} holds no scorecards yet")
    return scorecards
