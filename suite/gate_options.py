"""The options of saving, comparing and gating: what they are called, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .errors import UsageError

if TYPE_CHECKING:
    from interpmark.reports.gate import Rule

REGEN = "force_regen"
_REGEN_HELP = "rewrite the baseline of --interp-compare where results differ, and still fail"
_OURS = pytest.StashKey[bool]()


@dataclass(frozen=True)
class GateOptions:
    """What is saved and compared at the end of a run.

    Attributes:
        save: Name of the baseline that the run is saved as.
        autosave: Save the run under the next number.
        compare: The saved run that this one is compared with: a name, a number, a file; "" for the latest number.
        rules: What fails the run.
        regen: Rewrite the baseline where results differ.
        comment: File for the body of a comment on a pull request.

    """

    save: str | None = None
    autosave: bool = False
    compare: str | None = None
    rules: tuple[Rule, ...] = ()
    regen: bool = False
    comment: Path | None = None

    @property
    def used(self) -> bool:
        """Whether there is anything to do."""
        return self.autosave or self.save is not None or self.compare is not None


def add_gate_options(group: pytest.OptionGroup) -> None:
    """Add the options, but for `--force-regen`, which another plugin may have."""
    group.addoption("--interp-save", metavar="NAME", help="save this run as the baseline NAME, a file to commit")
    group.addoption("--interp-autosave", action="store_true", help="save this run under the next number")
    group.addoption(
        "--interp-compare",
        nargs="?",
        const="",
        metavar="NAME|FILE|NUMBER",
        help="compare with a saved run, written --interp-compare=NAME; without a value with the latest number",
    )
    group.addoption(
        "--interp-compare-fail",
        action="append",
        default=[],
        metavar="RULE",
        help="fail on a regression: MEASURE:TOLERANCE or FIXTURES:MEASURE:TOLERANCE, e.g. residual_accuracy:0.02 or "
        "'gender/*:edit_norm:5%%'; may be repeated",
    )
    group.addoption("--interp-comment", metavar="FILE", help="write the comparison as Markdown, for a pull request")
    group.addoption("--interp-xfails", metavar="FILE", help="expected failures: ID | REASON | until YYYY-MM-DD")


def add_force_regen(config: pytest.Config, parser: pytest.Parser, args: list[str]) -> None:
    """Add `--force-regen` where no plugin has it; pytest-regressions has, and then its option serves both."""
    if not hasattr(parser.parse_known_args(args), REGEN):
        parser.getgroup("interpmark").addoption("--force-regen", dest=REGEN, action="store_true", help=_REGEN_HELP)
        config.stash[_OURS] = True


def gate_options(config: pytest.Config) -> GateOptions:
    """Read the options.

    Raises:
        UsageError: One of them lacks the one that it goes with, or a rule or a name cannot be read.

    """
    compare, fail = config.getoption("--interp-compare"), config.getoption("--interp-compare-fail")
    save, comment = config.getoption("--interp-save"), config.getoption("--interp-comment")
    autosave = config.getoption("--interp-autosave")
    regen = bool(config.getoption(REGEN, default=False))
    needy = {
        "--interp-compare-fail": bool(fail),
        "--interp-comment": comment is not None,
        "--force-regen": regen and config.stash.get(_OURS, False),  # else it may be meant for pytest-regressions
    }
    for name, given in needy.items():
        if given and compare is None:
            raise UsageError(f"{name} goes with --interp-compare=NAME, which says what this run is compared with")
    if save is None and compare is None and not autosave:
        return GateOptions()
    regen = regen and compare is not None
    if config.getoption("--interp-shard") and (save is not None or autosave or regen):
        raise UsageError(
            "a shard has part of the cells: save no baseline with --interp-shard. Join the shards with `interpmark "
            "merge`, then run again with --interp-store set to the joined store, where nothing is left to score"
        )
    rules = _rules(fail)
    if save is not None:
        _check_name(save)
    return GateOptions(save, autosave, compare, rules, regen, None if comment is None else Path(comment))


def _rules(texts: list[str]) -> tuple[Rule, ...]:
    if not texts:
        return ()
    from interpmark.reports.gate import Rule, RuleError

    try:
        return tuple(map(Rule.parse, texts))
    except RuleError as error:
        raise UsageError(f"--interp-compare-fail: {error}") from error


def _check_name(name: str) -> None:
    from interpmark.reports.baselines import BaselineError, checked_name

    try:
        checked_name(name)
    except BaselineError as error:
        raise UsageError(f"--interp-save: {error}") from error
