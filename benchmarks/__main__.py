"""The command line: `python -m benchmarks`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .drawing import PLOTS
from .registry import BENCHMARKS, Benchmark, Settings, get_benchmark
from .rows import Row, read_json, to_text, write_json


def main(
    only: Annotated[list[str] | None, typer.Option(help="Run this benchmark; may be given again.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows to this file.")] = None,
    list_names: Annotated[bool, typer.Option("--list", help="List the benchmarks and stop.")] = False,
    work: Annotated[list[str] | None, typer.Option(help="Do works whose name holds this, such as d=576.")] = None,
    repetitions: Annotated[int | None, typer.Option(min=1, help="Runs of each side.")] = None,
    small: Annotated[bool, typer.Option(help="Tiny sizes, to see that it works; the numbers mean nothing.")] = False,
    store: Annotated[Path | None, typer.Option(help="Store of a finished default run, for floor.")] = None,
    wall: Annotated[float | None, typer.Option(help="Seconds that this run took, where they are known.")] = None,
    fixtures: Annotated[str | None, typer.Option(help="Globs for profile, such as 'gender@*'; else all.")] = None,
    plots: Annotated[
        Path | None, typer.Option(help=f"Folder for plots; default {PLOTS.name}/ beside the code.")
    ] = None,
    draw: Annotated[list[Path] | None, typer.Option(help="Measure nothing; draw the rows of this JSON file.")] = None,
) -> None:
    """Measure this project against peers, each side in processes of its own."""
    if list_names:
        width = max(map(len, BENCHMARKS))
        for name, summary in BENCHMARKS.items():
            typer.echo(f"{name:{width}}  {summary}")
        return
    settings = Settings(small, repetitions, tuple(work or ()), store, wall, fixtures)
    if plots is None and (draw or not (small or work)):  # some of the works are not a whole plot
        plots = PLOTS
    try:
        asked = [get_benchmark(name) for name in only or BENCHMARKS]
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0]), param_hint="--only") from error
    if draw:
        earlier = [row for file in draw for row in read_json(file)]
        for name in only or BENCHMARKS:
            _draw(get_benchmark(name), [row for row in earlier if row.work.startswith(f"{name} ")], plots)
        return
    rows: list[Row] = []
    for benchmark in asked:
        found = benchmark.rows(settings)
        rows += found
        # After each one: what was measured is kept whatever happens to the next.
        if json_file is not None:
            write_json(rows, json_file)
        _draw(benchmark, found, plots)
    typer.echo(to_text(rows))


def _draw(benchmark: Benchmark, rows: list[Row], folder: Path | None) -> None:
    """Draw the rows of a benchmark, where it draws and there are any."""
    draw = getattr(benchmark, "draw", None)
    if draw is not None and rows and folder is not None:
        draw(rows, folder)


if __name__ == "__main__":
    typer.run(main)
