"""A store is taken when it is whole and of one making, and what is wrong with another is said with what mends it."""

from __future__ import annotations

import dataclasses
import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interpmark.methods.registry import registered, restore
from interpmark.reports import Failure, Scorecard, Store
from interpmark.suite.submitting import Verdict, check_submission, required_controls

METHODS = "identity,random-direction,random-matched,full-ablation,mean-projection,leace"
FIXTURES = "planted-gaussian,planted-continuous"
OWN = """
from interpmark.methods import AffineEdit, register

@register("handed-in", kind="eraser", supports={"binary", "continuous"})
class HandedIn:
    def fit(self, x, z, *, seed):
        return AffineEdit.projection(x[0], center=x.mean(0))
"""


def score(store: Path, *arguments: str) -> None:
    """Score in a folder that no commit describes."""
    command = [sys.executable, "-m", "pytest", "--pyargs", "interpmark.suite", "-p", "no:cacheprovider", "-q"]
    command += ["--interp-store", str(store), *arguments]
    done = subprocess.run(command, cwd=store.parent, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that is fit to be submitted."""
    store = tmp_path_factory.mktemp("run") / "store"
    score(store, "-k", "edit_norm", "--interp-methods", METHODS, "--interp-fixtures", FIXTURES)
    return store


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """One that may be spoiled."""
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def one_of(store: Path, method: str = "leace", concept: str = "planted-gaussian") -> Scorecard:
    (card,) = [card for card in Store(store).scorecards() if (card.cell.method, card.cell.concept) == (method, concept)]
    return card


def change(store: Path, alter: Callable[[dict[str, Any]], None], method: str = "leace") -> None:
    """Change a scorecard's file by hand."""
    path = store / "cells" / f"{one_of(store, method).key}.json"
    data = json.loads(path.read_text())
    alter(data)
    path.write_text(json.dumps(data))


def whats(verdict: Verdict) -> list[str]:
    return [finding.what for finding in verdict.findings if not finding.note]


def test_a_whole_store_is_taken(whole: Path) -> None:
    verdict = check_submission(whole)
    assert verdict.findings == ()
    assert verdict.accepted
    assert "12 scorecards, 6 methods, 2 fixtures, 1 seeds" in verdict.to_text()
    assert verdict.to_text().endswith("fit to be submitted")


def test_a_missing_cell_is_named_and_the_command_given_mends_it(copy: Path) -> None:
    card = one_of(copy)
    (copy / "cells" / f"{card.key}.json").unlink()
    verdict = check_submission(copy)
    assert whats(verdict) == ["1 of 12 cells are missing"]
    text = verdict.to_text()
    assert f"  {card.cell}" in text
    (command,) = [line.removeprefix("  $ ") for line in text.splitlines() if line.startswith("  $ ")]
    words = shlex.split(command)
    assert words[:3] == ["pytest", "--pyargs", "interpmark.suite"]
    score(copy, *words[3:], "-k", "edit_norm")
    assert check_submission(copy).accepted


def test_a_missing_control_is_named_with_its_cells(copy: Path) -> None:
    for concept in FIXTURES.split(","):
        (copy / "cells" / f"{one_of(copy, 'identity', concept).key}.json").unlink()
    verdict = check_submission(copy)
    assert whats(verdict) == ["controls for the kind eraser are missing"]
    assert "--interp-methods identity --interp-fixtures planted-continuous,planted-gaussian" in verdict.to_text()


def test_the_controls_are_those_of_the_default_run() -> None:
    assert required_controls("eraser") == ("identity", "random-direction", "random-matched", "full-ablation")
    assert required_controls("steerer") == ("random-steering",)


def test_a_value_that_was_improved_by_hand_is_found(copy: Path) -> None:
    def improve(data: dict[str, Any]) -> None:
        estimate = next(one for one in data["estimates"] if one["measure"] == "edit_norm")
        estimate["value"] = estimate["low"] = 0.9 * estimate["value"]

    change(copy, improve)
    verdict = check_submission(copy)
    assert whats(verdict) == ["values do not follow from the scores of the examples"]
    assert "leace-planted-gaussian-s0: edit_norm is" in verdict.to_text()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fixture_hash", ["keys do not follow from the scorecards", "fixtures have another content here"]),
        ("method_hash", ["keys do not follow from the scorecards", "methods have another source here"]),
    ],
)
def test_content_that_is_not_what_it_is_here_is_found(copy: Path, name: str, expected: list[str]) -> None:
    change(copy, lambda data: data["provenance"].update({name: "0" * 64}))
    text = check_submission(copy).to_text()
    assert all(what in text for what in expected)


def test_failures_old_measures_and_uncommitted_changes_are_found(copy: Path) -> None:
    store = Store(copy)
    store.put(dataclasses.replace(one_of(copy, "leace"), error=Failure("ValueError", "singular\nmatrix")))
    change(copy, lambda data: data["measure_versions"].update(edit_norm=99), "mean-projection")
    change(copy, lambda data: data["provenance"].update(dirty=True), "identity")
    verdict = check_submission(copy)
    assert {"1 cells failed", "measures have another version here"} <= set(whats(verdict))
    assert any("uncommitted changes" in what for what in whats(verdict))
    assert "leace-planted-gaussian-s0: ValueError: singular\n" in verdict.to_text()


def test_versions_must_be_one_and_hardware_is_only_told(copy: Path) -> None:
    change(copy, lambda data: data["provenance"].update(processor="another"))
    verdict = check_submission(copy)
    assert verdict.accepted
    assert "note: processor is not one: " in verdict.to_text()
    change(copy, lambda data: data["provenance"]["packages"].update(torch="1.0"))
    assert [what for what in whats(check_submission(copy)) if what.startswith("torch is not one: 1.0, ")]


def test_a_damaged_file_is_named_and_left_where_it_is(copy: Path) -> None:
    path = copy / "cells" / f"{one_of(copy).key}.json"
    path.write_text("{")
    verdict = check_submission(copy)
    assert whats(verdict) == ["a scorecard cannot be read", "1 of 12 cells are missing"]
    assert path.exists()


def test_a_method_that_is_not_known_here_is_checked_with_its_file(copy: Path, tmp_path: Path) -> None:
    source = tmp_path / "handed_in.py"
    source.write_text(OWN)
    score(copy, "-k", "edit_norm and handed-in", "--interp-method", str(source), "--interp-fixtures", FIXTURES)
    before = dict(registered())
    try:
        assert whats(check_submission(copy)) == ["methods are not known here, so their source cannot be checked"]
        assert check_submission(copy, [str(source)]).accepted
    finally:
        restore(before)


def test_the_exit_status_says_it(copy: Path, tmp_path: Path) -> None:
    def status(store: Path) -> int:
        command = [sys.executable, "-c", "from interpmark.suite.cli import app; app()", "submit", str(store)]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120).returncode

    assert status(copy) == 0
    change(copy, lambda data: data["provenance"].update(dirty=True))
    assert status(copy) == 1
    assert status(tmp_path / "nothing") == 2
