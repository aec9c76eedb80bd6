"""A scorecard: all estimates of one cell, the per-example scores behind them, and the provenance.

Everything here is frozen data that survives JSON unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, overload

from interpmark.reports.estimate import Estimate, Status
from interpmark.reports.jsontext import Json, dumps, loads, plain
from interpmark.reports.measures import MEASURES, measure_versions
from interpmark.reports.sweep import ESTIMATES, Sweep, SweepPoint

if TYPE_CHECKING:
    import pandas
    from _typeshed import DataclassInstance

__all__ = [
    "SCHEMA",
    "CellId",
    "Claim",
    "Estimate",
    "Failure",
    "Role",
    "Sample",
    "SchemaError",
    "Scorecard",
    "ScorecardError",
    "Scorecards",
    "Status",
    "check_schema",
]

Record = TypeVar("Record", bound="DataclassInstance")

SCHEMA = 2
"""Version of the JSON that `Scorecard.to_json` writes."""

Role = Literal["method", "control", "oracle"]

# Fixtures without a subject: planted activations and word vectors.
_NO_SUBJECT = frozenset({"", "planted", "vectors"})


class ScorecardError(ValueError):
    """A scorecard's text cannot be read: malformed, of another schema, or with fields missing."""


class SchemaError(ScorecardError):
    """Well-formed data of a schema version that this interpmark does not read."""


@dataclass(frozen=True)
class CellId:
    """Which cell: a configured method of a kind, a fixture (concept on a subject at a site and slot), and a seed."""

    method: str
    kind: str
    concept: str
    subject: str
    site: str
    slot: str
    seed: int

    @property
    def fixture(self) -> str:
        """`gender@smollm2-135m/resid_post.26:last`; the concept alone where there is no subject."""
        if self.subject in _NO_SUBJECT:
            return self.concept
        return f"{self.concept}@{self.subject}/{self.site}:{self.slot}"

    def __str__(self) -> str:
        return f"{self.method}-{self.fixture}-s{self.seed}"


@dataclass(frozen=True)
class Failure:
    """Why a cell has no scores: the error's kind and message, its traceback, and what to do about it."""

    kind: str
    message: str
    traceback: str = ""
    advice: str = ""

    @property
    def line(self) -> str:
        """The kind and the first line of the message."""
        first = self.message.strip().splitlines()
        return f"{self.kind}: {first[0]}" if first else self.kind


@dataclass(frozen=True)
class Claim:
    """Whether something that the method claims held on the data it was fitted on.

    `value` is how far it is from holding exactly, relative to the natural size; None where there is no finite number.
    Raises ValueError when value or tolerance is NaN or infinite.
    """

    name: str
    holds: bool
    value: float | None
    tolerance: float
    message: str = ""

    def __post_init__(self) -> None:
        if not all(math.isfinite(number) for number in (self.value, self.tolerance) if number is not None):
            raise ValueError(f"{self.name}: value {self.value} and tolerance {self.tolerance} are not all finite")


@dataclass(frozen=True)
class Sample:
    """What the subject goes on with after a prompt, unedited and edited, under one seed."""

    prompt: str
    unedited: str
    edited: str


@dataclass(frozen=True)
class Scorecard:
    """All that is known of one finished cell.

    schema: version of the JSON form. key: hash of everything the result depends on. examples: per-example scores by
    name, lists (of lists) of numbers, text or None. claims: which of the method's claims held. provenance: how the
    result was made; the reports read `finished` (ISO time), `fixture_hash`, `subject_hash`, `method_hash`, `dtype`,
    `prefix` and `engine_version`, and summarise the rest.
    role: "control" and "oracle" methods are set apart in tables. measure_versions: filled from the catalogue.
    samples: generated texts, where the run kept some.
    sweep: what a steerer does at every strength that was tried.
    Raises ValueError or TypeError for data that JSON cannot hold, and for two estimates of one measure.
    """

    schema: int
    key: str
    cell: CellId
    estimates: tuple[Estimate, ...]
    examples: Mapping[str, Any] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    error: Failure | None = None
    role: Role = "method"
    measure_versions: Mapping[str, int] | None = None
    samples: tuple[Sample, ...] = ()
    sweep: Sweep | None = None

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise ValueError(f"role {self.role!r} is none of {', '.join(get_args(Role))}")
        names = [estimate.measure for estimate in self.estimates]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{self.cell}: more than one estimate of {', '.join(twice)}")
        versions = measure_versions(names) if self.measure_versions is None else self.measure_versions
        object.__setattr__(self, "estimates", tuple(self.estimates))
        object.__setattr__(self, "claims", tuple(self.claims))
        object.__setattr__(self, "samples", tuple(self.samples))
        object.__setattr__(self, "examples", plain(self.examples, "examples"))
        object.__setattr__(self, "provenance", plain(self.provenance, "provenance"))
        object.__setattr__(self, "measure_versions", plain(versions, "measure_versions"))

    def __hash__(self) -> int:
        return hash((self.key, self.cell))

    @property
    def status(self) -> Status:
        """The cell's status: "error" when it failed, "ok" when anything was scored, else "not scored".

        Context does not count: what is known of a fixture, such as its majority rate, is no score of the method.
        """
        if self.error is not None:
            return "error"
        context = {name for name, measure in MEASURES.items() if measure.group == "context"}
        scored = any(estimate.status == "ok" and estimate.measure not in context for estimate in self.estimates)
        return "ok" if scored else "not scored"

    def estimate(self, name: str) -> Estimate:
        """Return the estimate of a measure. Raises KeyError naming the measures that there are."""
        for estimate in self.estimates:
            if estimate.measure == name:
                return estimate
        known = ", ".join(estimate.measure for estimate in self.estimates) or "none"
        raise KeyError(f"{self.cell} has no estimate of {name!r}; it has {known}")

    def results(self) -> dict[str, Json]:
        """Return what a repeated run must reproduce exactly: everything but costs, provenance and traceback."""
        costs = {name for name, measure in MEASURES.items() if measure.group == "cost"}
        whole = self._as_json()
        kept: dict[str, Json] = {name: whole[name] for name in whole if name not in {"provenance", "error"}}
        kept["estimates"] = [plain(asdict(e)) for e in self.estimates if e.measure not in costs]
        kept["error"] = None if self.error is None else {"kind": self.error.kind, "message": self.error.message}
        return kept

    def to_json(self) -> str:
        """Return deterministic JSON text: equal scorecards give equal text."""
        return dumps(self._as_json())

    def _as_json(self) -> dict[str, Any]:
        own = {item.name: getattr(self, item.name) for item in fields(self)}
        own["cell"] = asdict(self.cell)
        own["estimates"] = [asdict(estimate) for estimate in self.estimates]
        own["claims"] = [asdict(claim) for claim in self.claims]
        own["samples"] = [asdict(sample) for sample in self.samples]
        own["error"] = None if self.error is None else asdict(self.error)
        own["sweep"] = None if self.sweep is None else asdict(self.sweep)
        return own

    @classmethod
    def from_json(cls, text: str | bytes) -> Scorecard:
        """Read what `to_json` wrote.

        Raises ScorecardError for text that is not JSON, or lacks fields, and SchemaError for another version.
        """
        try:
            data = loads(text)
        except ValueError as error:
            raise ScorecardError(f"not a scorecard: {error}") from error
        check_schema(data, SCHEMA, "scorecard")
        try:
            data["cell"] = _record(CellId, data["cell"])
            data["estimates"] = tuple(_record(Estimate, item) for item in data["estimates"])
            data["claims"] = tuple(_record(Claim, item) for item in data["claims"])
            data["samples"] = tuple(_record(Sample, item) for item in data["samples"])
            data["error"] = None if data["error"] is None else _record(Failure, data["error"])
            data["sweep"] = None if data["sweep"] is None else _sweep(data["sweep"])
            return _record(cls, data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ScorecardError(f"not a scorecard of schema {SCHEMA}: {error}") from error


class Scorecards(Sequence[Scorecard]):
    """An immutable sequence of scorecards."""

    def __init__(self, scorecards: Iterable[Scorecard] = ()) -> None:
        self._cards = tuple(scorecards)

    @overload
    def __getitem__(self, index: int) -> Scorecard: ...
    @overload
    def __getitem__(self, index: slice) -> Scorecards: ...
    def __getitem__(self, index: int | slice) -> Scorecard | Scorecards:
        return Scorecards(self._cards[index]) if isinstance(index, slice) else self._cards[index]

    def __len__(self) -> int:
        return len(self._cards)

    def __iter__(self) -> Iterator[Scorecard]:
        return iter(self._cards)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scorecards) and self._cards == other._cards

    def __hash__(self) -> int:
        return hash(self._cards)

    def __repr__(self) -> str:
        return f"Scorecards({len(self)} cells)"

    def to_frame(self) -> pandas.DataFrame:
        """Return a tidy pandas frame, one row per estimate, with the columns of `frame.COLUMNS`."""
        from interpmark.reports.frame import tidy_frame

        return tidy_frame(self)


def check_schema(data: object, expected: int, what: str) -> None:
    """Raise ScorecardError unless `data` is a mapping with a "schema"; SchemaError unless that is `expected`."""
    if not isinstance(data, dict) or "schema" not in data:
        raise ScorecardError(f"not a {what}: no schema version in it")
    found = data["schema"]
    if found != expected or isinstance(found, bool):
        newer = isinstance(found, int) and found > expected
        advice = "update interpmark to read it" if newer else "run the suite again to measure it anew"
        raise SchemaError(f"{what} schema {found!r}, but this interpmark reads schema {expected}: {advice}")


def _sweep(data: Mapping[str, Any]) -> Sweep:
    points = [
        _record(SweepPoint, {**point, **{name: _record(Estimate, point[name]) for name in ESTIMATES}})
        for point in data["points"]
    ]
    return _record(Sweep, {**data, "points": tuple(points)})


def _record(kind: type[Record], data: Mapping[str, Any]) -> Record:
    names = {item.name for item in fields(kind)}
    missing, unknown = sorted(names - set(data)), sorted(set(data) - names)
    if missing or unknown:
        raise ValueError(f"{kind.__name__} lacks {missing or 'nothing'} and has unknown {unknown or 'nothing'}")
    return kind(**data)
