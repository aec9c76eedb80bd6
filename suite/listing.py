"""What `interpmark list` and `interpmark show` print."""

from __future__ import annotations

import inspect

from tabulate import tabulate

from interpmark.fixtures import DEFAULT_CONCEPTS, DEPTHS, concept_names, planted_names, site_at
from interpmark.fixtures.subjects import describe_subject, subject_names
from interpmark.methods import DEFAULT_METHODS, available, get_method

from .options import DEFAULT_SUBJECT


def methods() -> str:
    """The registered methods, a row each."""
    configured = [get_method(spec) for spec in DEFAULT_METHODS]
    rows = [
        (info.name, info.kind, ", ".join(sorted(info.claims)) or "–", _marks(info.control, info.oracle), info.summary)
        for info in available()
    ]
    table = tabulate(
        rows, headers=("method", "kind", "claims", "", "what it does"), maxcolwidths=[None, None, 30, 8, 60]
    )
    return f"{table}\n\nThe default run scores: {', '.join(spec.name for spec in configured)}"


def _marks(control: bool, oracle: bool) -> str:
    return "control" if control else "oracle" if oracle else ""


def fixtures() -> str:
    """The built-in fixtures, a row each."""
    card = describe_subject(DEFAULT_SUBJECT)
    rows = [(name, "no language model: activations with known ground truth") for name in planted_names()]
    for name in concept_names():
        for depth in DEPTHS[name]:
            rows.append((f"{name}@{card.name}/{site_at(depth, card.n_blocks)}:last", f"{name}, on {card.name}"))
    table = tabulate(rows, headers=("fixture", "ground"))
    notes = (
        f"The default run scores on the planted fixtures, {', '.join(DEFAULT_CONCEPTS)}.",
        "Ask for others by name, as in --interp-fixtures 'sentiment@*'.",
        "Add your own with --interp-concept FILE (JSONL, CSV or Parquet with a text and a label column).",
    )
    return f"{table}\n\n" + "\n".join(notes)


def subjects() -> str:
    """The named subjects, a row each."""
    cards = [describe_subject(name) for name in subject_names()]
    rows = [(card.name, card.n_blocks, card.d_model) for card in cards]
    table = tabulate(rows, headers=("subject", "blocks", "width"))
    return f"{table}\n\n--interp-subject also takes a Hugging Face hub id, a local folder or a .gguf file."


def method(spec: str) -> str:
    """One method: its documentation, parameters, claims and source."""
    found = get_method(spec)
    info = found.info
    parameters = [
        (p.name, "required" if p.default is p.empty else repr(p.default), repr(found.params[p.name]))
        if p.name in found.params
        else (p.name, "required" if p.default is p.empty else repr(p.default), "")
        for p in inspect.signature(info.cls).parameters.values()
    ]
    lines = [f"{found.name}  ({info.kind})", "", inspect.getdoc(info.cls) or "", ""]
    if parameters:
        lines += [tabulate(parameters, headers=("parameter", "default", "here")), ""]
    lines += [
        f"claims:    {', '.join(sorted(info.claims)) or 'nothing'}",
        f"labels:    {', '.join(sorted(info.supports))}",
        f"reference: {info.reference or 'none'}",
        f"source:    {inspect.getsourcefile(info.cls)}",
    ]
    return "\n".join(lines)
