"""The pytest plugin: options, cells as parameters, the scorecard fixture, and the leaderboard at the end.

It is registered as an entry point and so loaded in every pytest session of whoever installs interpmark. Nothing heavy
is imported before one of its options, or one of the suite's tests, is used.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .devices import pin_worker
from .ending import KEY_PROPERTY, register_ending
from .errors import UsageError
from .gate_options import add_force_regen, add_gate_options
from .junit import score_properties
from .options import DEFAULT_STORE, DEFAULT_SUBJECT, RunOptions
from .shards import parse_shard
from .xfails import register_xfails

if TYPE_CHECKING:
    from interpmark.reports.scorecard import Scorecard

    from .cells import Cell
    from .session import Session

_OPTIONS: tuple[tuple[str, str, Any, str, str], ...] = (
    ("--interp-methods", "append", [], "SPECS", "methods to score, comma-separated, e.g. 'leace,inlp(rank=4)'"),
    ("--interp-method", "append", [], "SOURCE", "add the methods of a file or of module:attr to the run"),
    ("--interp-fixtures", "append", [], "GLOBS", "fixtures to score on, e.g. 'planted*' or 'gender@*'"),
    (
        "--interp-concept",
        "append",
        [],
        "SOURCE",
        "add a concept: JSONL, CSV or Parquet file, a datasets name, or .txt word vectors",
    ),
    ("--interp-subject", "store", DEFAULT_SUBJECT, "SUBJECT", "name, hub id, local folder or .gguf file"),
    ("--interp-sites", "append", [], "SITES", "sites, e.g. resid_post.15, or 'all'; default: each concept's own"),
    ("--interp-seeds", "store", "0", "SEEDS", "seeds, e.g. '0,1,2' (default 0)"),
    ("--interp-store", "store", str(DEFAULT_STORE), "DIR", f"folder of the scorecards (default {DEFAULT_STORE})"),
    ("--interp-device", "store", "cpu", "DEVICE", "torch device of the subject (default cpu)"),
    ("--interp-dtype", "store", "float32", "DTYPE", "torch dtype of the subject (default float32)"),
    ("--interp-prefix", "store", "auto", "TOKEN", "token before each prompt: auto, none, or the token itself"),
    (
        "--interp-shard",
        "store",
        None,
        "K/N",
        "score the K-th of N parts of the cells, e.g. '1/4'; then interpmark merge",
    ),
    ("--interp-time-limit", "store", "600", "SECONDS", "time limit of one fit (default 600)"),
    ("--interp-samples", "store", "1", "N", "keep generated texts after N prompts of each fixture (default 1)"),
    ("--interp-executor", "store", "local", "NAME", "where cells are scored: local (default) or ray"),
    ("--interp-ray-address", "store", None, "ADDRESS", "Ray cluster to join, e.g. auto; default: start one here"),
    ("--interp-ray-cpus", "store", "1", "N", "cores for each actor; fractions allowed (default 1)"),
    ("--interp-ray-gpus", "store", "0", "N", "GPUs for each actor; fractions allowed (default 0)"),
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the `--interp-*` options."""
    group = parser.getgroup("interpmark", "scoring interpretability methods")
    for name, action, default, metavar, text in _OPTIONS:
        group.addoption(name, action=action, default=default, metavar=metavar, help=text)
    group.addoption("--interp-quick", action="store_true", help="planted fixtures and one real one, for a first look")
    group.addoption("--interp-cross", action="store_true", help="score what each edit does to the other concepts")
    group.addoption("--interp-nonlinear", action="store_true", help="train a nonlinear adversary too, for information")
    group.addoption("--interp-no-cache", action="store_true", help="do not keep activations on disk between runs")
    add_gate_options(group)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Iterator[None]:
    """Choose this worker's GPU, before a conftest.py or a test can load torch; add what no other plugin has added."""
    pin_worker(early_config.known_args_namespace.interp_device)
    yield
    add_force_regen(early_config, parser, args)


def run_options(config: pytest.Config) -> RunOptions:
    """The run that the command line asks for."""

    def listed(name: str) -> tuple[str, ...]:
        return tuple(item for value in config.getoption(name) for item in split_specs(value))

    shard = config.getoption("--interp-shard")
    try:
        return RunOptions(
            methods=listed("--interp-methods"),
            method_sources=tuple(config.getoption("--interp-method")),
            fixtures=listed("--interp-fixtures"),
            concepts=tuple(config.getoption("--interp-concept")),
            subject=config.getoption("--interp-subject"),
            sites=listed("--interp-sites"),
            seeds=tuple(int(seed) for seed in split_specs(config.getoption("--interp-seeds"))),
            store=Path(config.getoption("--interp-store")),
            device=config.getoption("--interp-device"),
            dtype=config.getoption("--interp-dtype"),
            prefix=config.getoption("--interp-prefix"),
            quick=config.getoption("--interp-quick"),
            time_limit=float(config.getoption("--interp-time-limit")),
            cache=not config.getoption("--interp-no-cache"),
            samples=int(config.getoption("--interp-samples")),
            cross=config.getoption("--interp-cross"),
            nonlinear=config.getoption("--interp-nonlinear"),
            shard=None if shard is None else parse_shard(shard),
            executor=config.getoption("--interp-executor"),
            ray_address=config.getoption("--interp-ray-address"),
            ray_cpus=float(config.getoption("--interp-ray-cpus")),
            ray_gpus=float(config.getoption("--interp-ray-gpus")),
        )
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    except ValueError as error:
        raise pytest.UsageError(
            "--interp-seeds and --interp-samples take whole numbers, --interp-time-limit seconds, --interp-ray-cpus "
            f"and --interp-ray-gpus numbers: {error}"
        ) from None


def split_specs(text: str) -> list[str]:
    """Split at the commas that stand outside parentheses: `"leace,inlp(rank=4, weight_decay=1)"` is two specs."""
    parts, depth = [""], 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts if part.strip()]


def pytest_configure(config: pytest.Config) -> None:
    """Check what was asked for before anything long begins."""
    config.addinivalue_line("markers", "interp_kinds(*kinds): the test scores methods of these kinds only")
    register_xfails(config)
    register_ending(config, lambda: run_options(config), lambda: _session(config).cells())
    used = [name for name, _, default, _, _ in _OPTIONS if config.getoption(name) != default]
    if used or config.getoption("--interp-quick"):
        _session(config).cells()  # a bad option is told now, not after the collection
    if getattr(config.option, "numprocesses", None) and config.getoption("--interp-executor") == "ray":
        raise pytest.UsageError("-n and --interp-executor ray both spread the cells; leave -n out")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Warn of a distribution that makes several workers capture, and score, the same."""
    # Asked in the worker, because the controller does not collect and cannot tell whether there are cells.
    if not hasattr(config, "workerinput") or config.getoption("loadgroup", default=False):
        return
    if any("interp_cell" in getattr(item, "fixturenames", ()) for item in items):
        warnings.warn(
            "with pytest-xdist, run interpmark with '--dist loadgroup': it keeps the cells of a capture on one worker",
            pytest.PytestConfigWarning,
            stacklevel=1,
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what still runs, also after Ctrl-C."""
    if _SESSION in config.stash:
        config.stash[_SESSION].close()


_SESSION: pytest.StashKey[Session] = pytest.StashKey()


def _session(config: pytest.Config) -> Session:
    """The session's engine and cells, made when first asked for."""
    if _SESSION not in config.stash:
        from .session import Session

        config.stash[_SESSION] = Session(run_options(config), config)
    return config.stash[_SESSION]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Turn cells, and methods with their checks, into parameters."""
    if "interp_cell" in metafunc.fixturenames:
        grouped = metafunc.config.pluginmanager.hasplugin("xdist")
        marker = metafunc.definition.get_closest_marker("interp_kinds")
        mine = [cell for cell in _session(metafunc.config).cells() if not marker or cell.kind in marker.args]
        cells = [_parameter(cell, grouped) for cell in mine]
        metafunc.parametrize("interp_cell", cells or [_none_here(metafunc.config)])
    if "interp_check" in metafunc.fixturenames:
        checks = [pytest.param(check, id=check.id) for check in _session(metafunc.config).checks()]
        metafunc.parametrize("interp_check", checks or [_none_here(metafunc.config)])


def _none_here(config: pytest.Config) -> object:
    """One skipped test, so that a job whose shard is empty passes; pytest fails a job that has no tests."""
    shard = config.getoption("--interp-shard")
    where = f"in shard {shard}" if shard else "in this run"
    return pytest.param(None, id=f"none-{where.replace(' ', '-')}", marks=pytest.mark.skip(reason=f"none {where}"))


def _parameter(cell: Cell, grouped: bool) -> object:
    # pytest-xdist reads the group's name up to an '@'.
    marks = [pytest.mark.xdist_group(cell.fixture.shard.replace("@", "-on-"))] if grouped else []
    return pytest.param(cell, id=str(cell), marks=marks)


@pytest.fixture
def scorecard(interp_cell: Cell, request: pytest.FixtureRequest) -> Iterator[Scorecard]:
    """The cell's scorecard: from the store when it is there, else scored now."""
    card = _session(request.config).scorecard(interp_cell)
    request.node.user_properties += [(KEY_PROPERTY, card.key), *score_properties(request.node.originalname, card)]
    yield card


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leave one line of a failed cell to pytest's summary, which prints the whole message where CI is set."""
    report = yield
    ours = any(name == KEY_PROPERTY for name, _ in report.user_properties)
    if ours and call.excinfo is not None and isinstance(call.excinfo.value, pytest.fail.Exception):
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            crash.message = crash.message.partition("\n")[0]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the leaderboard of the cells that this session touched, and write it to the store's folder."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    keys = {
        value
        for report in reports
        if isinstance(report, pytest.TestReport)
        for name, value in report.user_properties
        if name == KEY_PROPERTY
    }
    if not keys:
        if config.getoption("--interp-shard") and not config.option.collectonly:
            _leave_empty_store(run_options(config).store)
        return
    from .summary import summarise

    summarise(terminalreporter, run_options(config).store, sorted(str(key) for key in keys))


def _leave_empty_store(root: Path) -> None:
    """Make the store of a shard without cells, so that `interpmark merge` finds one for every job."""
    from interpmark.reports.store import Store

    Store(root)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Name the subject and the store in the header of a run that uses the plugin."""
    if _SESSION not in config.stash:
        return None
    options = config.stash[_SESSION].options
    shard = "" if options.shard is None else f", shard {options.shard[0]}/{options.shard[1]}"
    return f"interpmark: subject {options.subject}, {options.device} {options.dtype}, store {options.store}{shard}"
