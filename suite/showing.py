"""What `interpmark show FIXTURE` prints: its texts, and whether a subject is fit to have methods scored on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tabulate import tabulate

from interpmark.fixtures import SPLITS, Concept, floors_of, is_vector_file, load_concept, load_word_vectors, planted

from . import health
from .cells import Cell, Fixture, PlantedFixture, SubjectFixture, VectorFixture, collect_cells
from .grounds import Grounds
from .options import CONCEPT_FILES, RunOptions
from .progress import StreamProgress
from .sampling import few
from .stage import ConceptStage

FEWEST_EXAMPLES = 4
_HEALTHY = "healthy"


def asked_for(name: str, subject: str, sites: Sequence[str]) -> RunOptions:
    """The run of one fixture, or of the fixtures that a glob matches, on a subject."""
    options = RunOptions(subject=subject, sites=tuple(sites), methods=("identity",))
    if is_vector_file(name):
        return replace(options, concepts=(name,), fixtures=(VectorFixture(load_word_vectors(name)).name,))
    if name.endswith(CONCEPT_FILES) or Path(name).is_file():
        return replace(options, concepts=(name,), fixtures=(load_concept(Path(name)).name,))
    return replace(options, fixtures=(name,))


def fixture(name: str, subject: str, sites: Sequence[str]) -> str:
    """The check of a fixture's health on a subject, at one site or several, as text."""
    options = asked_for(name, subject, sites)
    cells = collect_cells(options)
    grounds = Grounds(options, cells, StreamProgress())
    shards: dict[str, list[Cell]] = {}
    for cell in cells:
        shards.setdefault(cell.fixture.name, []).append(cell)
    return "\n\n\n".join(_shown(one, grounds) for one in shards.values())


def _shown(cells: Sequence[Cell], grounds: Grounds) -> str:
    first = cells[0].fixture
    if not isinstance(first, SubjectFixture):
        return _without_subject(first, grounds)
    located = [cell.fixture for cell in cells if isinstance(cell.fixture, SubjectFixture)]
    sites = [_site(fixture, grounds) for fixture in located]
    stage = grounds.of(located[-1]).stage
    assert stage is not None
    parts = [
        f"{first.name} on {first.subject}, slot {first.slot}\n{first.concept.source}".rstrip(),
        _splits(first.concept),
        tabulate(sites, headers=("site", "unedited accuracy", "floor", "verdict"), disable_numparse=True),
        _behavior(located[-1], stage),
        _examples(first, stage),
    ]
    return "\n\n".join(parts)


def _site(fixture: SubjectFixture, grounds: Grounds) -> tuple[str, str, str, str]:
    at = grounds.of(fixture)
    accuracy, majority = health.readability(at)
    margin = floors_of(fixture.name).accuracy_margin
    floor = "–" if majority.value is None else f"{majority.value + margin:.2f} (majority rate {majority.value:.2f})"
    return fixture.site, health.ends(accuracy), floor, "not scored" if health.unreadable(at) else _HEALTHY


def _splits(concept: Concept) -> str:
    rows = []
    for split in SPLITS:
        at = concept.rows(split)
        if not len(at):
            continue
        entities = len({concept.groups[i] for i in at})
        templates = len({concept.templates[i] for i in at} - {""})
        labels = concept.labels[at].tolist()
        counts = [labels.count(k) for k in range(len(concept.classes))]
        rows.append((split, len(at), entities, templates or "–", *counts))
    return tabulate(rows, headers=("split", "prompts", "entities", "templates", *concept.classes))


def _behavior(fixture: SubjectFixture, stage: ConceptStage) -> str:
    name = f"behavior {fixture.behavior.name}" if fixture.behavior else "behavior"
    found = health.unedited_behavior(stage, fixture.site)
    if found.value is None:
        return f"{name}: not scored ({found.reason})"
    floor = floors_of(fixture.name).log_odds
    verdict = "not scored" if health.unused(stage, fixture.site) else _HEALTHY
    return f"{name}: mean g before any edit {health.ends(found)} nats, floor {floor:g}: {verdict}"


def _examples(fixture: SubjectFixture, stage: ConceptStage) -> str:
    """A few prompts of `test`, with what the subject says next."""
    concept = fixture.concept
    rows = []
    for place in few(concept, max(FEWEST_EXAMPLES, len(concept.classes))):
        row = concept.rows("test")[place]
        label = concept.labels[row]
        of_class = concept.classes[label] if concept.classes else ", ".join(f"{value:g}" for value in label)
        next_token = stage.subject.tokenizer.decode([int(stage.reference[place].argmax())])
        rows.append((concept.texts[row], of_class, repr(next_token), _said(fixture, stage, place)))
    headers = ("prompt (test)", "label", "likeliest", "probability of the answers")
    return tabulate(rows, headers=headers, disable_numparse=True, maxcolwidths=[60, 20, 16, 40])


def _said(fixture: SubjectFixture, stage: ConceptStage, place: int) -> str:
    if stage.answers is None or fixture.behavior is None:
        return "–"
    chances = [float(stage.reference[place][ids].exp().sum()) for ids in stage.answers]
    words = ["|".join(word.strip() for word in one) for one in fixture.behavior.answers]
    return ", ".join(f"{word} {chance:.2f}" for word, chance in zip(words, chances, strict=True))


def _without_subject(fixture: Fixture, grounds: Grounds) -> str:
    at = grounds.of(fixture)
    named = {"fit": at.ground.fit, "probe": at.ground.probe, "test": at.ground.test, "transfer": at.ground.transfer}
    splits = [(name, len(split), len(set(split.groups.tolist()))) for name, split in named.items() if split is not None]
    accuracy, majority = health.readability(at)
    parts = [
        f"{fixture.name}: rows of width {at.ground.fit.x.shape[1]}; no language model is run",
        tabulate(splits, headers=("split", "rows", "entities")),
        f"unedited accuracy {health.ends(accuracy)}, majority rate {health.ends(majority)}; there is no floor",
    ]
    if isinstance(fixture, PlantedFixture):
        data = planted(fixture.name)
        facts = [(fact, f"{value:.3f}") for fact, value in data.optimum.items()]
        parts.insert(1, data.summary)
        parts.append(tabulate(facts, headers=("what is known of the population", ""), disable_numparse=True))
    return "\n\n".join(parts)
