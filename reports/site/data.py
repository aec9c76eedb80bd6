"""The site's data: what plots and panels are made from, as plain JSON.

A page that is opened from a folder may not fetch anything, so large data are scripts that hand over JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from interpmark.reports.estimate import Estimate
from interpmark.reports.measures import MEASURES, headlines
from interpmark.reports.numbers import interval_text, one_line, value_text
from interpmark.reports.scorecard import Scorecard
from interpmark.reports.site.content import Content, Entry, Fixture, Section
from interpmark.reports.site.histograms import histograms
from interpmark.reports.site.reproduce import command, provenance
from interpmark.reports.sweep import Sweep

Results = Iterable[tuple[Fixture, Section, Entry]]

# What a plot can tell apart; the panels and the downloads have all digits.
_DIGITS = 5


def script(name: str, data: object) -> str:
    """Return a script that hands `data` to the page under `name`."""
    return f"interpmark.receive({json.dumps(name)}, {json.dumps(data, allow_nan=False, separators=(',', ':'))});\n"


def measures() -> dict[str, dict[str, Any]]:
    """Return what a reader must know of each measure."""
    return {
        name: {
            "title": measure.title,
            "unit": measure.unit,
            "summary": measure.summary,
            "version": measure.version,
            "better": dict(measure.better),
            "group": measure.group,
        }
        for name, measure in MEASURES.items()
    }


def results(found: Results) -> dict[str, Any]:
    """Return headline estimates: `columns` by kind, `fixtures`, and `rows` whose `e` follow the columns."""
    found = list(found)
    fixtures = list({fixture.slug: fixture for fixture, _, _ in found}.values())
    places = {fixture.slug: index for index, fixture in enumerate(fixtures)}
    columns = {kind: list(headlines(kind)) for kind in sorted({section.kind for _, section, _ in found})}
    return {
        "columns": columns,
        "fixtures": [_fixture(fixture) for fixture in fixtures],
        "rows": [_result(places[f.slug], section, entry, columns[section.kind]) for f, section, entry in found],
    }


def _fixture(fixture: Fixture) -> dict[str, Any]:
    return {
        "name": fixture.name,
        "slug": fixture.slug,
        "concept": fixture.cell.concept,
        "subject": "" if fixture.planted else fixture.cell.subject,
        "slot": fixture.cell.slot,
        "where": fixture.where,
        "block": fixture.block,
        "context": {name: _numbers(e) for name, e in fixture.context.items() if e.status == "ok"},
    }


def _result(place: int, section: Section, entry: Entry, columns: Sequence[str]) -> dict[str, Any]:
    return {
        "fixture": place,
        "kind": section.kind,
        "method": one_line(entry.method),
        "id": entry.id,
        "page": entry.method_slug,
        "role": entry.row.role,
        "family": one_line(entry.family),
        "rank": entry.rank,
        "front": entry.method in section.front,
        "failure": "" if entry.row.seeds else (entry.row.failures[-1] if entry.row.failures else "not scored"),
        "e": [_shown(entry.row.estimates.get(name)) for name in columns],
    }


def _shown(estimate: Estimate | None) -> list[Any] | None:
    if estimate is None or estimate.status != "ok":
        return None
    return [*_numbers(estimate), value_text(estimate), interval_text(estimate)]


def _numbers(estimate: Estimate) -> list[float]:
    numbers = (estimate.value, estimate.low, estimate.high)
    return [float(f"{number:.{_DIGITS}g}") for number in numbers if number is not None]


def sweeps(section: Section) -> list[dict[str, Any]]:
    """Return the strength sweeps of a section's steerers; of several seeds, the first one's."""
    found = [(entry, card.sweep) for entry in section.entries for card in entry.cards[:1] if card.sweep is not None]
    return [_sweep(entry, sweep) for entry, sweep in found]


def _sweep(entry: Entry, sweep: Sweep) -> dict[str, Any]:
    parts = {
        name: [_numbers(e) if (e := getattr(point, name)).status == "ok" else None for point in sweep.points]
        for name in ("towards", "away", "damage")
    }
    return {
        "method": one_line(entry.method),
        "role": entry.row.role,
        "id": entry.id,
        "strengths": list(sweep.strengths),
        "chosen": {"towards": sweep.chosen_towards, "away": sweep.chosen_away},
        **parts,
    }


def panels(content: Content, fixture: Fixture) -> dict[str, Any]:
    """Return what the panels of a fixture's cells tell; provenance that all of them share is told once."""
    entries = [(section, entry) for section in fixture.sections for entry in section.entries]
    shared = _shared([provenance(card) for _, entry in entries for card in entry.cards])
    rows = {entry.id: _panel(content, section, entry, shared) for section, entry in entries}
    return {"fixture": fixture.name, "slug": fixture.slug, "shared": shared, "rows": rows}


def _shared(provenances: Sequence[Mapping[str, str]]) -> dict[str, str]:
    first = provenances[0] if provenances else {}
    if len(provenances) < 2:
        return {}
    return {name: text for name, text in first.items() if all(other.get(name) == text for other in provenances)}


def _panel(content: Content, section: Section, entry: Entry, shared: Mapping[str, str]) -> dict[str, Any]:
    cells = [_cell(card, shared) for card in entry.cards]
    finished = [card for card in entry.cards if card.error is None]
    pooled = [_estimate(e) for e in entry.row.estimates.values()] if len(finished) > 1 else None
    return {
        "method": one_line(entry.method),
        "page": entry.method_slug if entry.method in content.methods else None,
        "kind": section.kind,
        "role": entry.row.role,
        "outdated": section.table.outdated,
        "seeds": list(entry.row.seeds),
        "ranks": {name: words for name in section.measures if (words := section.rank_words(entry.method, name))},
        "pooled": pooled,
        "cells": cells,
    }


def _cell(card: Scorecard, shared: Mapping[str, str]) -> dict[str, Any]:
    own = {name: text for name, text in provenance(card).items() if name not in shared}
    return {
        "seed": card.cell.seed,
        "status": card.status,
        "estimates": [_estimate(estimate) for estimate in card.estimates],
        "histograms": {name: _rounded(asdict(found)) for name, found in histograms(card.examples).items()},
        "claims": [asdict(claim) for claim in card.claims],
        "provenance": own,
        "order": list(provenance(card)),
        "command": command(card),
        "error": None if card.error is None else asdict(card.error),
        "samples": [asdict(sample) for sample in card.samples],
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    told: dict[str, Any] = {"measure": estimate.measure, "status": estimate.status, "unit": estimate.unit}
    if estimate.status != "ok":
        return told | {"reason": one_line(estimate.reason)}
    text = {"text": value_text(estimate), "interval": interval_text(estimate)}
    return told | text | {"value": estimate.value, "low": estimate.low, "high": estimate.high, "n": estimate.n}


def _rounded(histogram: dict[str, Any]) -> dict[str, Any]:
    return histogram | {"edges": [float(f"{edge:.{_DIGITS}g}") for edge in histogram["edges"]]}
