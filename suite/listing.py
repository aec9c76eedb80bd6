"""What `interpmark list` and `interpmark show` print."""

from __future__ import annotations

import fnmatch
import inspect
from pathlib import Path

from tabulate import tabulate

from interpmark.fixtures import (
    DEFAULT_CONCEPTS,
    DEPTHS,
    NOT_SHOWN,
    STATIC_EMBEDDINGS,
    WEAK,
    WORD_VECTORS,
    concept_names,
    is_vector_file,
    planted_names,
    site_at,
)
from interpmark.fixtures.subjects import describe_subject, subject_names
from interpmark.methods import DEFAULT_METHODS, MethodSpec, available, get_method, load_method_source

from .errors import UsageError, did_you_mean
from .options import CONCEPT_FILES, DEFAULT_SUBJECT


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
    rows.append((WORD_VECTORS, "no language model: GloVe vectors of masculine and feminine words"))
    rows.append(
        (f"{STATIC_EMBEDDINGS}@{card.name}/embeddings:word", f"the same on the input embeddings of {card.name}")
    )
    for name in concept_names():
        ground = f"{name}, on {card.name}" + (", weak there" if name in WEAK else "")
        ground += ", not shown there and not scored" if name in NOT_SHOWN else ""
        rows += [(f"{name}@{card.name}/{site_at(depth, card.n_blocks)}:last", ground) for depth in DEPTHS[name]]
    table = tabulate(rows, headers=("fixture", "ground"))
    notes = (
        f"The default run scores on the planted fixtures, {', '.join(DEFAULT_CONCEPTS)}.",
        "Ask for others by name, as in --interp-fixtures 'sentiment@*'.",
        "Add your own with --interp-concept FILE (JSONL, CSV or Parquet with a text and a label column,",
        "or a .txt of word vectors in the format of GloVe).",
    )
    return f"{table}\n\n" + "\n".join(notes)


def subjects() -> str:
    """The named subjects, a row each."""
    cards = [describe_subject(name) for name in subject_names()]
    rows = [(card.name, card.n_blocks, card.d_model) for card in cards]
    table = tabulate(rows, headers=("subject", "blocks", "width"))
    return f"{table}\n\n--interp-subject also takes a Hugging Face hub id, a local folder or a .gguf file."


def names_method(name: str) -> bool:
    """Whether a name on the command line is a method's, and not a fixture's.

    Raises:
        UsageError: It is the name of neither.

    """
    methods = [info.name for info in available()]
    if name.endswith(".py") or name.split("(")[0].strip() in methods:
        return True
    fixtures = [*concept_names(), *planted_names(), WORD_VECTORS, STATIC_EMBEDDINGS]
    if (
        name.endswith(CONCEPT_FILES)
        or is_vector_file(name)
        or Path(name).is_file()  # of a kind that is not read, which is told where it is read
        or any(fnmatch.fnmatchcase(one, name.split("@")[0]) for one in fixtures)
    ):
        return False
    raise UsageError(
        f"there is no method or fixture {name!r}{did_you_mean(name, [*methods, *fixtures]) or '.'} "
        "`interpmark list methods` and `interpmark list fixtures` say what there is."
    )


def method_names(given: str) -> list[str]:
    """The methods that an argument of the command line names: a spec, or all those of a .py file."""
    return [info.name for info in load_method_source(given)] if given.endswith(".py") else [given]


def method(given: str) -> str:
    """A method, or all those of a .py file: documentation, parameters, claims and source."""
    return "\n\n\n".join(_method(get_method(name)) for name in method_names(given))


def _method(found: MethodSpec) -> str:
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
        f"claims:    {', '.join(sorted(found.claims)) or 'nothing'}",
        f"labels:    {', '.join(sorted(info.supports))}",
        f"reference: {info.reference or 'none'}",
        f"source:    {inspect.getsourcefile(info.cls)}",
    ]
    return "\n".join(lines)
