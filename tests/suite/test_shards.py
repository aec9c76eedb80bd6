"""Shards: every cell in exactly one, evenly, the same in every job; merged they are the whole run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpmark.methods import get_method
from interpmark.reports import Store
from interpmark.reports.merge import merge as join
from interpmark.suite import RunOptions, UsageError, score_all
from interpmark.suite.cells import Cell, Fixture, collect_cells, collect_fixtures
from interpmark.suite.shards import parse_shard, shard_cells, split

Run = Callable[..., subprocess.CompletedProcess[str]]
METHODS = ("identity", "leace", "sal", "mean-projection", "inlp(rank=4)")


@cache
def every_fixture() -> Sequence[Fixture]:
    return collect_fixtures(RunOptions(sites=("all",)))


def cells_of(fixtures: Sequence[Fixture], methods: int, seeds: int = 1) -> list[Cell]:
    specs = [get_method(name) for name in METHODS[:methods]]
    return [Cell(spec, fixture, seed) for fixture in fixtures for spec in specs for seed in range(seeds)]


def located(concept: str, sites: int) -> list[Fixture]:
    return [fixture for fixture in every_fixture() if fixture.name == concept][:sites]


def planted(count: int) -> list[Fixture]:
    return [fixture for fixture in every_fixture() if fixture.subject == "planted"][:count]


def captures(shards: Sequence[Sequence[Cell]]) -> list[set[str]]:
    return [{cell.fixture.shard for cell in shard} - {"planted"} for shard in shards]


@st.composite
def runs(draw: st.DrawFn) -> list[Cell]:
    """Cells of any run, and of a run of which some cells are missing, in any order."""
    fixtures = draw(st.lists(st.sampled_from(every_fixture()), max_size=12, unique=True))
    cells = cells_of(fixtures, draw(st.integers(1, len(METHODS))), draw(st.integers(1, 2)))
    left_out = draw(st.sets(st.integers(0, 30), max_size=6))
    return draw(st.permutations([cell for i, cell in enumerate(cells) if i not in left_out]))


@given(cells=runs(), n=st.integers(1, 30))
def test_every_cell_is_in_exactly_one_shard(cells: list[Cell], n: int) -> None:
    shards = [shard_cells(cells, (k, n)) for k in range(1, n + 1)]
    assert Counter(str(cell) for shard in shards for cell in shard) == Counter(map(str, cells))


@given(cells=runs(), n=st.integers(1, 30))
def test_shards_differ_by_a_fixture_at_most_and_none_is_empty_without_need(cells: list[Cell], n: int) -> None:
    sizes = [len(shard) for shard in split(cells, n)]
    assert max(sizes) - min(sizes) <= max(Counter(cell.fixture.id for cell in cells).values(), default=0)
    assert sizes.count(0) == max(0, n - len(cells))


@given(cells=runs(), n=st.integers(1, 30), data=st.data())
def test_the_split_does_not_depend_on_the_order_of_the_cells(cells: list[Cell], n: int, data: st.DataObject) -> None:
    other = data.draw(st.permutations(cells))
    assert [set(shard) for shard in split(cells, n)] == [set(shard) for shard in split(other, n)]


@given(cells=runs(), n=st.integers(1, 5))
def test_a_shard_keeps_the_order_of_the_run(cells: list[Cell], n: int) -> None:
    place = {cell: i for i, cell in enumerate(cells)}
    for k in range(1, n + 1):
        mine = [place[cell] for cell in shard_cells(cells, (k, n))]
        assert mine == sorted(mine)


def test_a_capture_is_whole_where_that_is_even() -> None:
    cells = cells_of([*located("gender", 3), *located("number", 2), *located("tense", 2), *planted(1)], methods=4)
    shards = split(cells, 2)
    assert [len(shard) for shard in shards] == [16, 16]
    assert not set.intersection(*captures(shards))


def test_planted_fixtures_fill_up_what_the_captures_leave() -> None:
    cells = cells_of([*located("gender", 2), *located("number", 2), *planted(6)], methods=5)
    assert captures(split(cells, 2)) == [{"gender@smollm2-135m"}, {"number@smollm2-135m"}]
    assert [len(shard) for shard in split(cells, 2)] == [25, 25]


def test_a_capture_is_divided_between_fixtures_where_it_must_be() -> None:
    shards = split(cells_of(located("gender", 7), methods=3), 3)
    assert [len(shard) for shard in shards] == [6, 9, 6]
    assert sum(len({cell.fixture.id for cell in shard}) for shard in shards) == 7


def test_more_shards_than_fixtures_divide_fixtures() -> None:
    assert [len(shard) for shard in split(cells_of(located("gender", 2), methods=5), 4)] == [2, 3, 2, 3]


def test_more_shards_than_cells_leave_some_empty() -> None:
    assert sorted(len(shard) for shard in split(cells_of(planted(1), methods=2), 5)) == [0, 0, 0, 1, 1]


def test_a_run_from_python_has_its_shard() -> None:
    options = {"methods": ("leace", "sal"), "fixtures": ("planted*",)}
    whole = collect_cells(RunOptions(**options))
    parts = [collect_cells(RunOptions(**options, shard=(k, 3))) for k in (1, 2, 3)]
    assert sorted(str(cell) for part in parts for cell in part) == sorted(map(str, whole))
    with pytest.raises(UsageError, match="there is no shard 4/3"):
        collect_cells(RunOptions(**options, shard=(4, 3)))


@pytest.mark.parametrize(("text", "shard"), [("1/1", (1, 1)), ("3/16", (3, 16)), (" 2 / 2 ", (2, 2))])
def test_a_shard_is_written_k_of_n(text: str, shard: tuple[int, int]) -> None:
    assert parse_shard(text) == shard


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0/2", "there is no shard 0/2: shards of 2 are numbered from 1/2 to 2/2"),
        ("3/2", "there is no shard 3/2: shards of 2 are numbered from 1/2 to 2/2"),
        ("0/0", "there is no shard 0/0: there must be at least one shard"),
        ("a/b", "a shard is written k/N, such as 1/4 for the first of four; this is 'a/b'"),
        ("1", "a shard is written k/N, such as 1/4 for the first of four; this is '1'"),
        ("-1/2", "a shard is written k/N"),
        ("", "a shard is written k/N"),
    ],
)
def test_anything_else_is_told(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_shard(text)
    assert message in str(caught.value)


def test_the_command_line_tells_a_bad_shard_before_anything_runs(suite_run: Run) -> None:
    done = suite_run("--interp-shard", "3/2")
    assert done.returncode == 4
    assert "there is no shard 3/2" in done.stdout + done.stderr


def test_the_split_does_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    code = (
        "from interpmark.suite.cells import collect_cells\nfrom interpmark.suite import RunOptions\n"
        "print(*collect_cells(RunOptions(fixtures=('planted*',), shard=(2, 3))))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, timeout=120, check=True,
        ).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert told[0] == told[1]
    assert "planted" in told[0]


def test_an_empty_shard_is_a_clean_run_that_leaves_an_empty_store(suite_run: Run, tmp_path: Path) -> None:
    done = suite_run(
        "--interp-shard", "2/3", "--interp-methods", "leace", "--interp-fixtures", "planted-gaussian",
        "--interp-store", "store", "-rs",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "none in shard 2/3" in done.stdout
    assert "passed" not in done.stdout
    assert list((tmp_path / "store" / "cells").iterdir()) == []


def test_the_contract_is_tested_in_the_first_shard_only(suite_run: Run) -> None:
    one = ("--co", "-q", "--interp-methods", "leace", "--interp-fixtures", "planted-gaussian,planted-wide")
    contracts = [
        suite_run(*one, "--interp-shard", shard).stdout.count("test_contract[leace-") for shard in ("1/2", "2/2")
    ]
    assert contracts[0] > 0
    assert contracts[1] == 0


THREE_FIXTURES = (
    "--interp-methods", "leace,sal,inlp(rank=4)", "--interp-fixtures", "planted-gaussian,planted-wide,planted-null",
    "-k", "edit_norm",
)  # fmt: skip


def results(store: Path) -> dict[str, object]:
    return {str(card.cell): card.results() for card in Store.open(store).scorecards()}


def merge(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from interpmark.suite.cli import app; app()", "merge", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_two_shards_in_two_processes_merged_are_the_whole_run(suite_run: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--pyargs", "interpmark.suite", "-p", "no:cacheprovider"]
    jobs = [
        subprocess.Popen(
            [*command, *THREE_FIXTURES, "--interp-shard", f"{k}/2", "--interp-store", f"shard-{k}"],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for k in (1, 2)
    ]  # fmt: skip
    for job in jobs:
        told, _ = job.communicate(timeout=600)
        assert job.returncode == 0, told
    whole = suite_run(*THREE_FIXTURES, "--interp-store", "whole")
    assert whole.returncode == 0, whole.stdout

    parts = [results(tmp_path / f"shard-{k}") for k in (1, 2)]
    assert all(parts)
    assert not set(parts[0]) & set(parts[1])
    done = merge("shard-1", "shard-2", "--into", "merged", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "9 cells added to merged, which has 9" in done.stdout
    assert results(tmp_path / "merged") == results(tmp_path / "whole")
    for key in Store.open(tmp_path / "whole").keys():  # noqa: SIM118 - a Store is no mapping
        edits = [Store.open(tmp_path / name).edit_path(key).read_bytes() for name in ("whole", "merged")]
        assert edits[0] == edits[1]

    def board(store: str) -> list[str]:
        lines = (tmp_path / store / "scores.csv").read_text().splitlines()
        return [line for line in lines if "seconds" not in line and "peak_memory" not in line]

    assert sorted(board("merged")) == sorted(board("whole"))  # rows come as they were finished


@pytest.mark.slow
def test_a_merged_store_is_reused_by_the_whole_run(suite_run: Run, tmp_path: Path) -> None:
    for k in (1, 2):
        suite_run(*THREE_FIXTURES, "--interp-shard", f"{k}/2", "--interp-store", f"shard-{k}")
    assert merge("shard-1", "shard-2", "--into", "merged", folder=tmp_path).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "merged" / "cells").iterdir()}
    assert suite_run(*THREE_FIXTURES, "--interp-store", "merged").returncode == 0
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "merged" / "cells").iterdir()}


def test_shards_that_divide_a_capture_merged_are_the_whole_run(tiny_llama: Path, tmp_path: Path) -> None:
    texts = [(f"On day {day} the water was {word}", word, day) for day in range(40) for word in ("warm", "cold")]
    concept = tmp_path / "weather.jsonl"
    concept.write_text("\n".join(json.dumps(dict(zip(("text", "label", "group"), row, strict=True))) for row in texts))
    whole = RunOptions(
        subject=str(tiny_llama), concepts=(str(concept),), fixtures=("weather@*",), sites=("all",),
        methods=("leace", "mean-projection"), store=tmp_path / "whole", cache=False,
    )  # fmt: skip
    parts = [replace(whole, store=tmp_path / f"shard-{k}", shard=(k, 2)) for k in (1, 2)]
    assert [len({card.cell.site for card in score_all(options)}) for options in (whole, *parts)] == [4, 2, 2]
    merged = join([options.store for options in parts], tmp_path / "merged")
    assert merged.total == 8
    assert all(card.error is None for card in merged.store.scorecards())
    assert results(tmp_path / "merged") == results(tmp_path / "whole")


ERASER = """
from interpmark.methods import AffineEdit, register

@register("my-eraser", kind="eraser", supports={{"binary"}})
class MyEraser:
    def fit(self, x, z, *, seed):
        return AffineEdit.projection((x[z == 1].mean(0) - x[z == 0].mean(0)) * {scale}, center=x.mean(0))
"""


def test_a_method_that_was_changed_between_the_shards_is_told(suite_run: Run, tmp_path: Path) -> None:
    for k in (1, 2):
        (tmp_path / "my_eraser.py").write_text(ERASER.format(scale=k))
        suite_run(
            "--interp-method", "my_eraser.py", "--interp-methods", "my-eraser", "--interp-store", f"shard-{k}",
            "--interp-fixtures", "planted-gaussian,planted-wide", "--interp-shard", f"{k}/2", "-k", "edit_norm",
        )  # fmt: skip
    done = merge("shard-1", "shard-2", "--into", "merged", folder=tmp_path)
    assert done.returncode == 2
    assert "eraser my-eraser: method source" in done.stderr
    assert not (tmp_path / "merged").exists()
