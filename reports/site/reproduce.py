"""How a cell was made, as a reader can check it: the command that makes it again, and its provenance line by line."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from interpmark.reports.scorecard import Scorecard

_FIRST = ("finished", "seconds", "commit", "dirty", "packages", "subject_spec", "device", "dtype")


def command(card: Scorecard) -> str:
    """Return the shell command that scores the cell, with the settings that the provenance names."""
    cell, made = card.cell, card.provenance
    arguments = {
        "--interp-methods": cell.method,
        "--interp-fixtures": cell.fixture,
        "--interp-seeds": str(cell.seed),
    }
    if cell.fixture != cell.concept:
        arguments |= {"--interp-subject": str(made.get("subject_spec") or cell.subject), "--interp-sites": cell.site}
    for option, name, usual in (
        ("device", "device", "cpu"),
        ("dtype", "dtype", "float32"),
        ("prefix", "prefix", "auto"),
    ):
        value = made.get(name)
        if value is not None and str(value) != usual:
            arguments[f"--interp-{option}"] = str(value)
    options = [f"{name} {shlex.quote(value)}" for name, value in arguments.items()]
    return " \\\n  ".join(["pytest --pyargs interpmark.suite", *options])


def provenance(card: Scorecard) -> dict[str, str]:
    """Return what is known of how the cell was made, each as one line of text, the most asked for first."""
    made = card.provenance
    order = [name for name in _FIRST if name in made] + sorted(name for name in made if name not in _FIRST)
    return {"key": card.key, **{label: text for name in order for label, text in _lines(name, made[name])}}


def _lines(name: str, value: Any) -> Iterator[tuple[str, str]]:
    label = name.replace("_", " ")
    if isinstance(value, Mapping):
        yield label, ", ".join(f"{key} {item}" for key, item in sorted(value.items()))
    elif isinstance(value, bool):
        yield label, "yes" if value else "no"
    elif isinstance(value, float):
        yield label, f"{value:.3g}"
    elif isinstance(value, list):
        yield label, ", ".join(str(item) for item in value)
    elif value is not None and value != "":
        yield label, str(value)
