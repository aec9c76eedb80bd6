"""Generations side by side: the completions of the unedited subject and of each edited one, under the same seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from tabulate import tabulate

from interpmark.methods import Edit, SiteEdits, Steering, load_any_edit
from interpmark.reports.store import Store

from .cells import Cell, SubjectFixture, collect_cells
from .engine import Engine, finished
from .errors import UsageError
from .fluency import Fluency, fluency
from .options import RunOptions
from .progress import Progress
from .sampling import Sampling, by_site, complete, decoded

UNEDITED = "unedited"
# Narrower columns break most words.
NARROWEST = 24


@dataclass(frozen=True)
class Generations:
    """Completions by column, `unedited` first: `texts[column][prompt][k]`.

    Attributes:
        subject: The subject's name.
        fixture: The id of the fixture that the methods were fitted on.
        sampling: How the texts were drawn.
        strength: Of the edits that have one.
        prompts: What they go on from.
        texts: The completions.
        fluency: How they read, by column.

    """

    subject: str
    fixture: str
    sampling: Sampling
    strength: float
    prompts: tuple[str, ...]
    texts: Mapping[str, Sequence[Sequence[str]]]
    fluency: Mapping[str, Fluency]

    def to_json(self) -> str:
        """All of it, as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    def to_text(self, width: int = 120) -> str:
        """A table for each prompt with methods in columns, and one of their fluency."""
        columns = list(self.texts)
        each = max(NARROWEST, width // len(columns) - 2)
        tables = [
            f"> {prompt}\n\n" + _side_by_side(columns, [self.texts[column][i] for column in columns], each)
            for i, prompt in enumerate(self.prompts)
        ]
        how = f"temperature {self.sampling.temperature:g}, seed {self.sampling.seed}"
        return "\n\n".join([f"{self.fixture}, {how}", *tables, _fluency_table(self.fluency)])


def generations(
    options: RunOptions,
    prompts: Sequence[str],
    sampling: Sampling,
    strength: float = 1.0,
    progress: Progress | None = None,
) -> Generations:
    """Fit the run's methods on its fixture and let the subject go on from the prompts, unedited and edited.

    Raises:
        UsageError: The strength is not finite or a prompt empty, the run has several concepts or none on a subject,
            or a method gives no edit that text can be generated with.

    """
    if not math.isfinite(strength):
        raise UsageError(f"the strength is a finite number, not {strength}")
    if not all(prompt.strip() for prompt in prompts):
        raise UsageError("a prompt is empty: give it some text")
    cells = on_one_fixture(options)
    engine = Engine(options, cells, progress)
    edits = {cell.method.name: at_strength(edit_of(cell, engine), strength) for cell in cells}
    subject = engine.subject
    tokens = subject.encode(prompts)
    site = cells[0].fixture.site
    drawn = {UNEDITED: complete(subject, tokens, {}, sampling)}
    for name, edit in edits.items():
        drawn[name] = complete(subject, tokens, by_site(edit, site), sampling)
    return Generations(
        subject=cells[0].fixture.subject,
        fixture=cells[0].fixture.id,
        sampling=sampling,
        strength=strength,
        prompts=tuple(prompts),
        texts={name: decoded(subject, completions) for name, completions in drawn.items()},
        fluency={name: fluency(subject, tokens, completions) for name, completions in drawn.items()},
    )


def on_one_fixture(options: RunOptions) -> list[Cell]:
    """The run's cells at the first site of its one concept, which is where the subject uses it."""
    if len(options.seeds) > 1:
        options = replace(options, seeds=options.seeds[:1])
    cells = collect_cells(options)
    names = list(dict.fromkeys(cell.fixture.name for cell in cells))
    if len(names) > 1:
        raise UsageError(f"text is generated with edits of one fixture, and these match: {', '.join(names)}")
    if not isinstance(cells[0].fixture, SubjectFixture):
        raise UsageError(f"{names[0]} has no language model to generate text with; name a concept such as gender")
    return [cell for cell in cells if cell.fixture.id == cells[0].fixture.id]


def edit_of(cell: Cell, engine: Engine) -> Edit | SiteEdits:
    """The cell's edit or edits, from the store or fitted now.

    Raises:
        UsageError: The method cannot be fitted on the fixture, or its edit needs labels.

    """
    key = engine.key(cell)
    store = engine.store
    kept = store.edit_path(key) if isinstance(store, Store) and finished(store, key) is not None else None
    edit = engine.edit(cell) if kept is None or not kept.is_file() else load_any_edit(kept)
    if edit.needs_labels:
        raise UsageError(f"{cell.method.name} sees the label of each prompt, and a text that is generated has none")
    return edit


def at_strength(edit: Edit | SiteEdits, strength: float) -> Edit | SiteEdits:
    """A steerer's edit at a strength; an edit that has none as it is."""
    if isinstance(edit, Steering) or (isinstance(edit, SiteEdits) and edit.has_strength):
        return edit.at(strength)
    return edit


def _side_by_side(columns: Sequence[str], texts: Sequence[Sequence[str]], width: int) -> str:
    rows = [[_on_one_line(text) for text in row] for row in zip(*texts, strict=True)]
    return tabulate(rows, headers=columns, tablefmt="grid", disable_numparse=True, maxcolwidths=width)


def _on_one_line(text: str) -> str:
    return text.replace("\n", "⏎ ").strip()


def _fluency_table(found: Mapping[str, Fluency]) -> str:
    def shown(value: float | None, digits: int) -> str:
        return "–" if value is None else f"{value:.{digits}f}"

    rows = [
        (name, shown(one.perplexity, 1), shown(one.distinct_2, 2), shown(one.repetition_4, 2), one.tokens)
        for name, one in found.items()
    ]
    headers = ("", "perplexity (unedited subject)", "distinct-2", "repetition-4", "tokens")
    return tabulate(rows, headers=headers, disable_numparse=True)
