"""How often does the regression gate turn red when nothing changed, and how small a regression does it find?

    python docs/gating.py planted                # minutes, without a language model
    python docs/gating.py gender STORE           # gender on the default subject after block 26; scored into STORE first

Prints the tables of docs/gating.md. Every rate has its Clopper-Pearson interval.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest
from tabulate import tabulate

from interpmark.fixtures.planted import _RECIPES
from interpmark.methods import AffineEdit, get_method, register
from interpmark.methods.erasers.leace import Leace
from interpmark.reports import SCHEMA, CellId, Estimate, Scorecard
from interpmark.reports.gate import DEFAULT_RULES, Change, Comparison, Rule, compare
from interpmark.reports.measures import MEASURES
from interpmark.reports.recipes import RECIPES, recipe_of
from interpmark.suite import RunOptions, score_all
from interpmark.suite.fitting import Fitter
from interpmark.suite.ground import Ground, Split
from interpmark.suite.grounds import FixtureGround
from interpmark.suite.scoring import score_edit

STRICT = tuple(replace(rule, amount=0.0) for rule in DEFAULT_RULES)
STEADY = ("leace", "mean-projection", "inlp(rank=4)")
Cards = dict[str, Scorecard]


@register("scaled-leace", kind="eraser", supports={"binary", "multiclass"})
class ScaledLeace:
    """LEACE, its edit so many times as long: the planted regression of a wrong scale."""

    def __init__(self, by: float = 1.1) -> None:
        self.by = by

    def fit(self, x: Any, z: Any, *, seed: int) -> AffineEdit:
        """Fit LEACE and scale what it takes away."""
        edit = Leace().fit(x, z, seed=seed)
        return AffineEdit(edit.read, self.by * edit.write, edit.center)


@register("kept-leace", kind="eraser", supports={"binary", "multiclass"})
class KeptLeace:
    """LEACE that keeps one of the directions it should remove."""

    def fit(self, x: Any, z: Any, *, seed: int) -> AffineEdit:
        """Fit LEACE and leave out a direction."""
        edit = Leace().fit(x, z, seed=seed)
        return AffineEdit(edit.read[:, 1:], edit.write[:, 1:], edit.center)


# The cells of one fixture: of real scorecards, or scored on rows that are drawn anew.


def redrawn(name: str, seed: int) -> FixtureGround:
    """A planted fixture as another sample of the same population."""
    import torch

    drawn = _RECIPES[name](np.random.default_rng(seed))
    splits = {k: Split(torch.tensor(x), torch.tensor(z), np.asarray(g)) for k, (x, z, g) in drawn.splits.items()}
    return FixtureGround(Ground(**splits), None, "planted")


def scored(spec: str, at: FixtureGround, fixture: str, seed: int = 0) -> Scorecard:
    """The scorecard of a method on a ground."""
    method = get_method(spec)
    scores = score_edit(method, Fitter(60.0).fit(method, at.ground, seed, None), at, seed)
    cell = CellId(spec, "eraser", fixture, "planted", "planted", "row", 0)
    return Scorecard(SCHEMA, f"{spec}-{seed}", cell, tuple(scores.estimates.values()), scores.examples)


def called(card: Scorecard, method: str, seed: int = 0) -> Scorecard:
    """The same scores under another method's name."""
    return replace(card, cell=replace(card.cell, method=method, seed=seed))


def remade(card: Scorecard, examples: Mapping[str, Any]) -> Scorecard:
    """A scorecard with other examples, and the values that they give."""
    estimates = []
    for estimate in card.estimates:
        recipe = recipe_of(estimate.measure, examples)
        if estimate.status == "ok" and recipe is not None:
            value = float(recipe.statistic(recipe.table(examples).sum(axis=-1, keepdims=True))[0])
            estimate = Estimate.exact(estimate.measure, value, estimate.n, estimate.unit)
        estimates.append(estimate)
    return replace(card, examples=examples, estimates=tuple(estimates))


def parts_of(card: Scorecard) -> dict[str, np.ndarray[Any, Any]]:
    """By per-example score, the cluster of each example; clusters of one kind have one array."""
    found: dict[str, np.ndarray[Any, Any]] = {}
    arrays: dict[tuple[str, ...], np.ndarray[Any, Any]] = {}
    for measure in RECIPES:
        recipe = recipe_of(measure, card.examples)
        if recipe is not None:
            n = recipe.table(card.examples).shape[-1]
            groups = recipe.clusters(card.examples, n)
            assert groups is not None
            key = recipe.groups if recipe.groups else ("documents",)
            found |= dict.fromkeys(recipe.parts, arrays.setdefault(key, groups))
    return found


def exchanged(first: Scorecard, second: Scorecard, rng: np.random.Generator) -> tuple[Scorecard, Scorecard]:
    """Two runs with nothing between them: in each cluster chance says which result is called "before"."""
    ours, theirs = dict(first.examples), dict(second.examples)
    masks: dict[int, Any] = {}
    for part, groups in parts_of(first).items():
        swap = masks.setdefault(id(groups), rng.random(groups.max() + 1) < 0.5)[groups]
        a, b = np.array(first.examples[part]), np.array(second.examples[part])
        ours[part], theirs[part] = np.where(swap, b, a), np.where(swap, a, b)
    guard = {"guard_residual": first.estimate("guard_residual")}  # exact: it has no noise to exchange
    second = replace(second, estimates=tuple(guard.get(e.measure, e) for e in second.estimates))
    return remade(first, ours), remade(second, theirs)


def resampled(cards: Cards, rng: np.random.Generator) -> Cards:
    """The same cells on a draw of the clusters, the same for all of them."""
    first = next(iter(cards.values()))
    chosen: dict[int, tuple[Any, Any]] = {}
    groups_of = parts_of(first)
    for groups in groups_of.values():
        if id(groups) not in chosen:
            drawn = rng.integers(groups.max() + 1, size=groups.max() + 1)
            rows = [np.flatnonzero(groups == cluster) for cluster in drawn]
            chosen[id(groups)] = (np.concatenate(rows), np.repeat(np.arange(len(rows)), [len(r) for r in rows]))
    new = {}
    for name, card in cards.items():
        examples: dict[str, Any] = {
            part: np.array(card.examples[part])[..., chosen[id(groups)][0]] for part, groups in groups_of.items()
        }
        for measure in RECIPES:
            recipe = recipe_of(measure, card.examples)
            held = next((g for g in (recipe.groups if recipe else ()) if g in card.examples), None)
            if recipe is not None and held is not None:
                examples[held] = chosen[id(groups_of[recipe.parts[0]])][1]
        new[name] = remade(card, examples)
    return new


def elsewhere(card: Scorecard, rng: np.random.Generator) -> Scorecard:
    """The same result from a machine ten times slower, which rounds otherwise."""
    noisy = {
        name: np.array(card.examples[name]) * (1 + 1e-7 * rng.standard_normal(np.shape(card.examples[name])))
        if name in parts_of(card) and "own" not in name and "correct" not in name
        else values
        for name, values in card.examples.items()
    }
    moved = remade(card, noisy)
    slow = tuple(
        Estimate.exact(e.measure, 10 * e.value + 1, e.n, e.unit)
        if MEASURES[e.measure].group == "cost" and e.value is not None
        else e
        for e in moved.estimates
    )
    return replace(moved, estimates=slow, provenance={**card.provenance, "processor": "a slower one"})


# What the gate makes of them.


def gated(before: Iterable[Scorecard], after: Iterable[Scorecard], rules: Sequence[Rule]) -> Comparison:
    """Compare under those of the rules that are about something."""
    before, after = list(before), list(after)
    names = {e.measure for card in before for e in card.estimates if e.status == "ok"}
    return compare(before, after, [rule for rule in rules if rule.measure in names])


def in_rule_unit(change: Change) -> float:
    """The smallest worsening that is caught, relative where the default tolerance is."""
    rule = next(rule for rule in DEFAULT_RULES if rule.measure == change.measure)
    assert change.detectable is not None
    assert change.before is not None
    return change.detectable / (change.before.value or 1.0) if rule.relative else change.detectable


def rate(hits: int, n: int) -> str:
    """A share with its interval."""
    found = binomtest(hits, n).proportion_ci()
    return f"{hits}/{n}: {hits / n:.3f} [{found.low:.3f}, {found.high:.3f}]"


def alarms(what: str, reruns: Sequence[tuple[Iterable[Scorecard], Iterable[Scorecard]]]) -> list[str]:
    """A row: how many reruns are red under the default tolerances, and without any."""
    found = [gated(before, after, STRICT) for before, after in reruns]
    # The tests are the same under any tolerance, so a default one only spares what is within it.
    tolerant = sum(any(map(beyond_default, comparison.regressed)) for comparison in found)
    family = sum(change.gated for change in found[0].changes)
    return [what, str(family), rate(tolerant, len(found)), rate(sum(c.exit_code == 1 for c in found), len(found))]


def beyond_default(change: Change) -> bool:
    """Whether a change is beyond the default tolerance of its measure."""
    rule = next(rule for rule in DEFAULT_RULES if rule.measure == change.measure)
    assert change.difference is not None
    assert change.before is not None
    assert change.before.value is not None
    return abs(change.difference.value) > rule.tolerance(change.before.value)


def print_alarms(rows: Sequence[Sequence[str]]) -> None:
    """Print the table of false alarms."""
    print(f"default: {', '.join(map(str, DEFAULT_RULES))}\n")
    print(tabulate(rows, ["rerun", "gated scores", "red, default tolerances", "red, tolerance 0"], "github"), "\n")


def print_power(rows: Sequence[tuple[str, Sequence[tuple[Cards, Cards]]]]) -> None:
    """Print how often each regression is caught, by which measures, and how large the change was."""
    table, smallest = [], {}
    for what, runs in rows:
        found = [gated(before.values(), after.values(), DEFAULT_RULES) for before, after in runs]
        caught: dict[str, list[bool]] = {}
        sizes: dict[str, list[float]] = {}
        for comparison in found:
            for change in comparison.changes:
                if change.gated and change.method == "judged" and change.measure and change.difference:
                    caught.setdefault(change.measure, []).append(change.fails)
                    sizes.setdefault(change.measure, []).append(change.difference.value)
                    if change.detectable is not None:
                        smallest.setdefault(change.measure, []).append(in_rule_unit(change))
        by = [
            f"{MEASURES[name].title} {np.mean(sizes[name]):+.2g}: {np.mean(hits):.2f}"
            for name, hits in caught.items()
            if any(hits)
        ]
        table.append([what, rate(sum(c.exit_code == 1 for c in found), len(found)), "; ".join(by) or "none"])
    print(tabulate(table, ["regression", "caught", "by (mean change: share of runs)"], "github"), "\n")
    relative = {rule.measure for rule in DEFAULT_RULES if rule.relative}
    lines = [
        [MEASURES[name].title, f"{100 * np.median(v):.2g} %" if name in relative else f"{np.median(v):.2g}"]
        for name, v in smallest.items()
    ]
    print(tabulate(lines, ["measure", "smallest worsening caught in 4 of 5 runs, median"], "github"), "\n")


def planted(n_alarms: int = 200, n_power: int = 40) -> None:
    """The tables on planted fixtures."""
    rows = []
    for name in ("planted-gaussian",):
        base = redrawn(name, 0)
        first = [scored(spec, base, name) for spec in STEADY]

        def again(seed: int, name: str = name, base: FixtureGround = base) -> list[Scorecard]:
            return [scored(spec, base, name, seed) for spec in STEADY]

        rows.append(alarms(f"{name}: adversaries reseeded", [(first, again(seed)) for seed in range(1, n_alarms + 1)]))
        rng = np.random.default_rng(0)
        pairs = [("leace", "leace(shrinkage=True)"), ("mean-projection", "leace"), ("inlp(rank=4)", "inlp(rank=3)")]
        both = [(scored(a, base, name), called(scored(b, base, name), a)) for a, b in pairs]
        runs = [list(zip(*(exchanged(a, b, rng) for a, b in both), strict=True)) for _ in range(n_alarms)]
        rows.append(alarms(f"{name}: examples' noise redrawn", [(run[0], run[1]) for run in runs]))
        slow = [(first, [elsewhere(card, rng) for card in first]) for _ in range(n_alarms)]
        rows.append(alarms(f"{name}: ten times slower machine", slow))
    base = redrawn("planted-gaussian", 0)
    control = [scored("random-direction", base, "planted-gaussian", seed) for seed in range(n_alarms + 3)]
    one = [([control[s]], [control[s + 1]]) for s in range(n_alarms)]
    rows.append(alarms("a random direction with another seed, one seed a run", one))
    three = [
        ([called(c, "random-direction", i) for i, c in enumerate(control[s : s + 3])],
         [called(c, "random-direction", i) for i, c in enumerate(control[s + 3 : s + 6])])
        for s in range(n_alarms - 3)
    ]  # fmt: skip
    rows.append(alarms("the same, three seeds a run", three))
    print_alarms(rows)
    print_power([planted_power(*case, n_power) for case in PLANTED_REGRESSIONS])


PLANTED_REGRESSIONS = (
    ("planted-gaussian", "leace", "kept-leace"),
    ("planted-rare-class", "leace", "kept-leace"),
    ("planted-rare-class", "inlp(rank=4)", "inlp(rank=3)"),
    ("planted-rare-class", "inlp(rank=4)", "inlp(rank=2)"),
    ("planted-gaussian", "leace", "scaled-leace(by=1.02)"),
    ("planted-gaussian", "leace", "scaled-leace(by=1.1)"),
    ("planted-gaussian", "leace", "scaled-leace(by=1.5)"),
)


def planted_power(name: str, good: str, bad: str, n: int) -> tuple[str, list[tuple[Cards, Cards]]]:
    """Fresh samples on which a method is good before and bad after, beside one that stays as it is."""
    runs = []
    for seed in range(1, n + 1):
        at = redrawn(name, seed)
        before, after, other = (scored(spec, at, name) for spec in (good, bad, "mean-projection"))
        runs.append(({"a": called(before, "judged"), "b": other}, {"a": called(after, "judged"), "b": other}))
    return f"{name}: {good} becomes {bad}", runs


GENDER = ("leace", "leace(shrinkage=True)", "mean-projection", "inlp(rank=16)", "inlp(rank=8)", "inlp(rank=4)")
SCALES = (1.02, 1.05, 1.1, 1.2, 1.5)


def gender(store: Path, n: int = 200) -> None:
    """The tables on the default subject."""
    specs = [*GENDER, "kept-leace", *(f"scaled-leace(by={by})" for by in SCALES)]
    options = RunOptions(methods=tuple(specs), fixtures=("gender@*",), sites=("resid_post.26",), store=store)
    named = {card.cell.method: card for card in score_all(options)}
    cards = {spec: named[get_method(spec).name] for spec in specs}
    gender_alarms(cards, n)
    gender_power(cards, n // 4)


def gender_alarms(cards: Cards, n: int) -> None:
    """How often an unchanged method is red."""
    rng = np.random.default_rng(0)
    pairs = [("leace", "leace(shrinkage=True)"), ("mean-projection", "leace"), ("inlp(rank=8)", "inlp(rank=4)")]
    both = [(cards[a], called(cards[b], a)) for a, b in pairs]
    runs = [list(zip(*(exchanged(a, b, rng) for a, b in both), strict=True)) for _ in range(n)]
    steady = [cards[spec] for spec in GENDER]
    slow = [(steady, [elsewhere(card, rng) for card in steady]) for _ in range(n)]
    noise = [(run[0], run[1]) for run in runs]
    print_alarms([alarms("gender: examples' noise redrawn", noise), alarms("gender: ten times slower machine", slow)])


def gender_power(cards: Cards, n: int) -> None:
    """How often regressions are caught on draws of the entities and documents."""
    rng = np.random.default_rng(0)
    changes = [("leace", "kept-leace"), *(("leace", f"scaled-leace(by={by})") for by in SCALES)]
    changes += [
        ("inlp(rank=16)", "inlp(rank=8)"),
        ("inlp(rank=16)", "inlp(rank=4)"),
        ("leace(shrinkage=True)", "leace"),
    ]
    drawn = [resampled(cards, rng) for _ in range(n)]

    def runs_of(good: str, bad: str) -> list[tuple[Cards, Cards]]:
        steady = [d["mean-projection"] for d in drawn]
        return [
            ({"a": called(d[good], "judged"), "b": other}, {"a": called(d[bad], "judged"), "b": other})
            for d, other in zip(drawn, steady, strict=True)
        ]

    print_power([(f"gender: {good} becomes {bad}", runs_of(good, bad)) for good, bad in changes])


def main(arguments: Sequence[str]) -> None:
    """Run one half."""
    halves: dict[str, Callable[[], None]] = {"planted": planted, "gender": lambda: gender(Path(arguments[1]))}
    halves[arguments[0]]()


if __name__ == "__main__":
    main(sys.argv[1:])
