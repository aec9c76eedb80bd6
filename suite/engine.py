"""The engine: turns a cell into a scorecard, capturing once what many cells share."""

from __future__ import annotations

import datetime
import shlex
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from interpmark.fixtures.subjects import Subject
from interpmark.methods import Edit, MethodError, MethodSpec, SiteEdits, save_edit
from interpmark.reports.measures import MEASURES, measures_for
from interpmark.reports.scorecard import SCHEMA, Failure, Role, Scorecard
from interpmark.reports.store import Store, StoreWriteError

from .bench import Bench
from .cells import Cell
from .errors import ContractError, UsageError
from .fitting import Fitted, FittedSites, Fitter
from .grounds import FixtureGround, Grounds
from .health import unreadable, withhold_behavior
from .keys import Keys
from .measures.threads import one_thread
from .options import RunOptions
from .progress import Progress, SilentProgress
from .sampling import by_site
from .scores import Scores
from .scoring import score_edit, unedited_accuracy, why_not
from .site_scoring import score_site_edits
from .steering import score_steerer, with_strength
from .texts import add_samples


class Results(Protocol):
    """Where results are looked for and filed: a store, or what takes its place."""

    def get(self, key: str) -> Scorecard | None:
        """The scorecard of a key."""

    def put(self, scorecard: Scorecard) -> object:
        """File a scorecard under its key."""

    def put_edit(self, key: str, save: Callable[[Path], object]) -> object:
        """File the edit that `save(path)` writes."""


def finished(store: Results, key: str) -> Scorecard | None:
    """The scorecard that spares scoring a cell. An error row is never reused: the next run tries again."""
    found = store.get(key)
    return None if found is None or found.error is not None else found


class Engine:
    """Scores cells and files their scorecards.

    Args:
        options: The run.
        cells: All cells of the run, so that one forward pass serves every site that will be asked for.
        progress: Where to report; silent by default.
        store: Where results go; by default the store that the options name.

    """

    def __init__(
        self,
        options: RunOptions,
        cells: Sequence[Cell],
        progress: Progress | None = None,
        store: Results | None = None,
    ) -> None:
        self.options = options
        self.store = Store(options.store) if store is None else store
        self._progress = progress or SilentProgress()
        self._grounds = Grounds(options, cells, self._progress)
        self._fitter = Fitter(options.time_limit)
        self._keys = Keys(options)
        self._cards: dict[str, Scorecard] = {}

    def key(self, cell: Cell) -> str:
        """Hash of everything that the cell's result depends on."""
        return self._keys.cell(cell)

    def scorecard(self, cell: Cell) -> Scorecard:
        """The cell's scorecard: from this session, from the store, or scored now."""
        key = self.key(cell)
        if key not in self._cards:
            found = finished(self.store, key)
            if found is None:
                found = self._score(cell, key)
                self.store.put(found)
            self._cards[key] = found
        return self._cards[key]

    def has(self, cell: Cell) -> bool:
        """Whether the cell's scorecard is there already."""
        key = self.key(cell)
        return key in self._cards or finished(self.store, key) is not None

    @property
    def subject(self) -> Subject:
        """The run's subject, loaded."""
        return self._grounds.subject

    def edit(self, cell: Cell) -> Edit | SiteEdits:
        """The cell's edit or edits, fitted now and not scored.

        Raises:
            UsageError: The method cannot be fitted on the fixture.
            ContractError: The method did not keep its side of the interface.

        """
        at = self._grounds.of(cell.fixture)
        reason = why_not(cell.method, at)
        if reason:
            raise UsageError(reason)
        edit = self._fit(cell, at).edit
        self.store.put_edit(self.key(cell), lambda path: save_edit(edit, path))
        return edit

    def _score(self, cell: Cell, key: str) -> Scorecard:
        at = self._grounds.of(cell.fixture)  # what goes wrong here is not the method's fault
        started, clock = _now(), time.perf_counter()
        scores, error = Scores(), None
        # Planted matrices are small: a second thread would only wait, and change the last bits.
        threads = one_thread() if at.stage is None else nullcontext()
        try:
            with threads:
                scores = self._fit_and_score(cell, at, key)
        except StoreWriteError:  # no fault of the method's
            raise
        except (Exception, SystemExit) as caught:  # whatever a plug-in does wrong becomes a row, and the run goes on
            scores, error = Scores(), _failure(caught, cell, self.options.method_sources)
        return Scorecard(
            schema=SCHEMA,
            key=key,
            cell=cell.id,
            estimates=tuple(scores.estimates[name] for name in MEASURES if name in scores.estimates),
            examples=scores.examples,
            claims=tuple(scores.claims),
            provenance={
                **self._keys.provenance(cell),
                **self._grounds.provenance(cell.fixture),
                "started": started,
                "finished": _now(),
                "seconds": time.perf_counter() - clock,
            },
            error=error,
            role=role(cell),
            samples=scores.samples,
            sweep=scores.sweep,
        )

    def _fit_and_score(self, cell: Cell, at: FixtureGround, key: str) -> Scores:
        kind = cell.method.info.kind
        reason = why_not(cell.method, at)
        if reason or unreadable(at):
            scores = Scores()
            if not reason and "unedited_accuracy" in measures_for(kind):
                scores.add(unedited_accuracy(at))  # a fact of the fixture, which stands
            scores.leave_out(measures_for(kind, at.asked), reason or unreadable(at))
            return scores
        fitted = self._fit(cell, at)
        with self._filing(key, fitted.edit), at.packed_weights():
            scores = score_fitted(cell.method, fitted, at, cell.seed)
            withhold_behavior(scores, at)
            if at.stage is not None:
                edit = fitted.edit
                if scores.sweep is not None and scores.sweep.chosen_towards is not None:
                    edit = with_strength(cell.method, edit).at(scores.sweep.chosen_towards)
                add_samples(scores, at.stage, by_site(edit, at.site), self.options.samples, cell.seed)
        return scores

    def _fit(self, cell: Cell, at: FixtureGround) -> Fitted | FittedSites:
        bench = None if at.stage is None else Bench.of(at.stage, at.ground.fit, at.site)
        return self._fitter.fit(cell.method, at.ground, cell.seed, bench)

    @contextmanager
    def _filing(self, key: str, edit: Edit | SiteEdits) -> Iterator[None]:
        """The edit is filed while the block runs: nobody waits for the disk to have it."""
        with ThreadPoolExecutor(1) as pool:
            filed = pool.submit(self.store.put_edit, key, lambda path: save_edit(edit, path))
            yield
            filed.result()


def score_fitted(method: MethodSpec, fitted: Fitted | FittedSites, at: FixtureGround, seed: int) -> Scores:
    """Score what a fit gave, as the method's kind asks.

    Raises:
        ContractError: A steerer gave something that has no strength.

    """
    if method.info.kind == "steerer":
        return score_steerer(method, fitted, at, seed)
    if isinstance(fitted, Fitted):
        return score_edit(method, fitted, at, seed)
    return score_site_edits(method, fitted, at, seed)


def role(cell: Cell) -> Role:
    """Which part of a table the cell's method belongs to."""
    return "control" if cell.method.info.control else "oracle" if cell.method.info.oracle else "method"


def _failure(error: BaseException, cell: Cell, sources: Sequence[str]) -> Failure:
    # An error of the interface tells what to do itself.
    told = isinstance(error, ContractError | MethodError)
    command = ["pytest", "--pyargs", "interpmark.suite", "-x", "--interp-fixtures", "planted-gaussian"]
    command += ["--interp-methods", str(cell.method), *(part for one in sources for part in ("--interp-method", one))]
    advice = f"The method's own code raised this. To reproduce it in seconds: {shlex.join(command)}"
    if isinstance(error, ModuleNotFoundError):
        advice += ". A module beside a method's file is imported at the top of the file, not in fit."
    return Failure(
        kind=type(error).__name__,
        message=_message(error),
        traceback="".join(traceback.format_exception(error)),
        advice="" if told else advice,
    )


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the method called sys.exit({error.code!r})"
    return str(error) or type(error).__name__


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
