"""The command line: `python -m benchmarks`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .registry import BENCHMARKS, Settings, get_benchmark
from .rows import Row, to_text, write_json


def main(
    only: Annotated[list[str] | None, typer.Option(help="Run this benchmark; may be given again.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows to this file.")] = None,
    list_names: Annotated[bool, typer.Option("--list", help="List the benchmarks and stop.")] = False,
    work: Annotated[list[str] | None, typer.Option(help="Do works whose name holds this, such as d=576.")] = None,
    repetitions: Annotated[int | None, typer.Option(min=1, help="Runs of each side.")] = None,
    small: Annotated[bool, typer.Option(help="Tiny sizes, to see that it works; the numbers mean nothing.")] = False,
    store: Annotated[Path | None, typer.Option(help="Store of a finished default run, for floor.")] = None,
    wall: Annotated[float | None, typer.Option(help="Seconds that this run took, where they are known.")] = None,
) -> None:
    """Measure this project against peers, each side in processes of its own."""
    if list_names:
        width = max(map(len, BENCHMARKS))
        for name, summary in BENCHMARKS.items():
            typer.echo(f"{name:{width}}  {summary}")
        return
    settings = Settings(small, repetitions, tuple(work or ()), store, wall)
    try:
        asked = [get_benchmark(name) for name in only or BENCHMARKS]
    except KeyError as error:
        raise typer.BadParameter(str(error.args[0]), param_hint="--only") from error
    rows: list[Row] = []
    for benchmark in asked:
        rows += benchmark.rows(settings)
        # After each one: what was measured is kept whatever happens to the next.
        if json_file is not None:
            write_json(rows, json_file)
    typer.echo(to_text(rows))


if __name__ == "__main__":
    typer.run(main)
