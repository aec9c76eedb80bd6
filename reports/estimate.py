"""An estimate: a measure's value, its 95 % interval, n and status. "Not scored" is a status, never a NaN or a 0."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from interpmark.reports.measures import unit_of

Status = Literal["ok", "not scored", "error"]


@dataclass(frozen=True)
class Estimate:
    """A measure's value with its 95 % interval, or the reason why there is none.

    With status "ok", value, low and high are finite and low <= value <= high, and n >= 1 examples stand behind them.
    Otherwise all three are None and `reason` says why in one line. Raises ValueError when that does not hold.
    """

    measure: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    status: Status = "ok"
    reason: str = ""

    def __post_init__(self) -> None:
        if self.status not in get_args(Status):
            raise ValueError(f"{self.measure}: status {self.status!r} is none of {', '.join(get_args(Status))}")
        if self.n < 0:
            raise ValueError(f"{self.measure}: n is {self.n}, a count of examples")
        numbers = (self.low, self.value, self.high)
        if self.status == "ok":
            self._check_numbers(numbers)
            return
        if any(number is not None for number in numbers):
            raise ValueError(f"{self.measure}: status is {self.status!r}, so value, low and high are None")
        if not self.reason.strip():
            raise ValueError(f"{self.measure}: status is {self.status!r}, so a reason is due")

    def _check_numbers(self, numbers: tuple[float | None, ...]) -> None:
        finite = [float(number) for number in numbers if number is not None and math.isfinite(number)]
        if len(finite) != len(numbers):
            raise ValueError(
                f"{self.measure}: low, value, high = {numbers} are not all finite; use Estimate.not_scored"
            )
        low, value, high = finite
        if not low <= value <= high:
            raise ValueError(f"{self.measure}: the value {value} lies outside its interval [{low}, {high}]")
        for name, number in zip(("low", "value", "high"), finite, strict=True):
            # numpy scalars become plain floats, so that an estimate equals itself read back.
            object.__setattr__(self, name, number)
        object.__setattr__(self, "n", int(self.n))

    @classmethod
    def scored(cls, measure: str, interval: tuple[float, float, float], n: int, unit: str | None = None) -> Estimate:
        """Return an "ok" estimate from (value, low, high), such as an `Interval`; the catalogue knows the unit."""
        value, low, high = interval
        return cls(measure, value, low, high, n, unit_of(measure) if unit is None else unit)

    @classmethod
    def exact(cls, measure: str, value: float, n: int = 1, unit: str | None = None) -> Estimate:
        """Return an "ok" estimate without sampling error, such as a majority rate: its interval is the value."""
        return cls.scored(measure, (value, value, value), n, unit)

    @classmethod
    def not_scored(cls, measure: str, reason: str, unit: str = "") -> Estimate:
        """Return an estimate that says why there is no value."""
        return cls(measure, None, None, None, 0, unit or unit_of(measure), "not scored", reason)

    @classmethod
    def failed(cls, measure: str, reason: str, unit: str = "") -> Estimate:
        """Return an estimate whose measure raised; `reason` is the error in one line."""
        return cls(measure, None, None, None, 0, unit or unit_of(measure), "error", reason)
