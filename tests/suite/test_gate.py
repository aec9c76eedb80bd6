"""The gate on real scorecards of planted rows: planted regressions are red, a slower machine is not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from interpmark.methods import AffineEdit, get_method, register, registry
from interpmark.methods.erasers.leace import Leace
from interpmark.reports import Estimate, Scorecard, Store
from interpmark.reports.gate import DEFAULT_RULES, Rule, compare
from interpmark.suite import score
from interpmark.suite.cli import app

ON_ROWS = ("residual_accuracy", "linear_information", "edit_norm", "edit_excess")
RULES = [rule for rule in DEFAULT_RULES if rule.measure in ON_ROWS]


@pytest.fixture(autouse=True)
def spoiled() -> Iterator[None]:
    """LEACE spoiled in known ways, registered for the time of a test."""
    known = dict(registry._METHODS)

    @register("spoiled-leace", kind="eraser", supports={"binary", "multiclass"})
    class SpoiledLeace:
        """LEACE whose edit is scaled, or that keeps some directions."""

        def __init__(self, by: float = 1.0, keep: int = 0) -> None:
            self.by, self.keep = by, keep

        def fit(self, x: Any, z: Any, *, seed: int) -> AffineEdit:
            """Fit LEACE and spoil it."""
            edit = Leace().fit(x, z, seed=seed)
            return AffineEdit(edit.read[:, self.keep :], self.by * edit.write[:, self.keep :], edit.center)

    yield
    registry._METHODS.clear()
    registry._METHODS.update(known)


def scored(spec: str, fixture: str, store: Path) -> Scorecard:
    get_method(spec)
    card = score(spec, fixture, store=store)
    return replace(card, cell=replace(card.cell, method="judged"))


@pytest.mark.parametrize(
    ("fixture", "good", "bad", "caught"),
    [
        ("planted-rare-class", "leace", "spoiled-leace(keep=1)", {"residual_accuracy", "linear_information"}),
        ("planted-gaussian", "leace", "spoiled-leace(by=1.1)", {"residual_accuracy", "edit_norm", "edit_excess"}),
        ("planted-gaussian", "leace", "spoiled-leace(by=1.02)", {"residual_accuracy"}),
        ("planted-gaussian", "leace", "spoiled-leace(by=1.5)", set(ON_ROWS)),
    ],
)
def test_planted_regressions_are_caught(fixture: str, good: str, bad: str, caught: set[str], tmp_path: Path) -> None:
    before, after = (scored(spec, fixture, tmp_path) for spec in (good, bad))
    found = compare([before], [after], RULES)
    assert caught <= {change.measure for change in found.regressed}
    assert compare([before], [before], RULES).exit_code == 0


def test_a_slower_machine_that_rounds_otherwise_is_not_red(tmp_path: Path) -> None:
    before = scored("leace", "planted-gaussian", tmp_path)
    rng = np.random.default_rng(0)
    examples = {
        name: np.array(before.examples[name]) * (1 + 1e-9 * rng.random(1000))
        for name in ("edit_squared_size", "squared_deviation", "guard_squared_size")
    }
    slow = tuple(
        Estimate.exact(e.measure, 10 * (e.value or 0.0) + 1, e.n) if e.measure == "fit_seconds" else e
        for e in before.estimates
    )
    provenance = {**before.provenance, "processor": "slow", "platform": "other"}
    after = replace(before, examples={**before.examples, **examples}, estimates=slow, provenance=provenance)
    for rules in (RULES, [replace(rule, amount=0.0) for rule in RULES], [Rule("fit_seconds", 0.1, relative=True)]):
        found = compare([before], [after], rules)
        assert found.exit_code == 0
        assert {change.verdict for change in found.changes if change.measure in ON_ROWS} == {"unchanged"}


def test_interpmark_compare_tells_and_exits(tmp_path: Path) -> None:
    stores = [tmp_path / name for name in ("one", "two")]
    for store, spec in zip(stores, ("leace", "spoiled-leace(by=1.5)"), strict=True):
        Store(store).put(scored(spec, "planted-gaussian", tmp_path / "scored"))

    def run(*arguments: str) -> tuple[int, str]:
        found = CliRunner().invoke(app, ["compare", *arguments])
        return found.exit_code, found.output

    one, two = map(str, stores)
    assert run(one, one, "--fail", "edit_norm:5%")[0] == 0
    code, text = run(one, two, "--fail", "edit_norm:5%", "--fail", "planted*:residual_accuracy:0.02")
    assert code == 1
    assert text.startswith("FAILED (2 gated changes)")
    assert '"exit_code": 1' in run(one, two, "--fail", "edit_norm:5%", "--format", "json")[1]
    assert run(one, two, "--fail", "gender/*:edit_norm:5%")[0] == 2
    assert run(one, two, "--fail", "edit_nrm:5%")[0] == 2
    assert run(one, str(tmp_path / "nowhere.json"))[0] == 2
