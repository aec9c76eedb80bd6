"""Numbers and names as a reader sees them: as many decimals as the interval bears, and nothing that breaks a line."""

from __future__ import annotations

import math

from interpmark.reports.estimate import Estimate

_MOST_DECIMALS = 4


def number(value: float, decimals: int | None) -> str:
    """Return `value` with that many decimals; None asks for two significant digits in scientific form."""
    if value == 0:
        return "0"
    if decimals is None:
        return f"{value:.1e}"
    # -0.00 keeps its sign: an interval that starts there reaches below zero.
    return f"{value:.{decimals}f}"


def decimals_of(estimate: Estimate) -> int | None:
    """Return the decimals at which the interval's half-width shows its first digit, at least 2 below 10."""
    value, low, high = _numbers(estimate)
    size = max(abs(value), abs(low), abs(high))
    half = (high - low) / 2
    if size == 0:
        return 0
    if size >= 1e5:
        return None
    # Without an interval: three significant digits.
    least = 2 if size < 10 else 1 if size < 100 else 0
    decimals = max(-math.floor(math.log10(half)), least) if half > 0 else max(2 - math.floor(math.log10(size)), 0)
    if decimals <= _MOST_DECIMALS:
        return decimals
    return _MOST_DECIMALS if size >= 0.01 else None  # a number near 1 is not written as a power of ten


def value_text(estimate: Estimate) -> str:
    """Return `0.53`."""
    return number(_numbers(estimate)[0], decimals_of(estimate))


def interval_text(estimate: Estimate, *, compact: bool = False) -> str:
    """Return `[0.48, 0.58]`, "" when the estimate is exact; compact gives `[.48,.58]`."""
    _, low, high = _numbers(estimate)
    if low == high:
        return ""
    decimals = decimals_of(estimate)
    ends = [number(end, decimals) for end in (low, high)]
    if compact:
        ends = [end.replace("0.", ".", 1) if end.startswith(("0.", "-0.")) else end for end in ends]
    return f"[{(',' if compact else ', ').join(ends)}]"


def estimate_text(estimate: Estimate) -> str:
    """Return `0.53 [0.48, 0.58]`."""
    return f"{value_text(estimate)} {interval_text(estimate)}".rstrip()


def one_line(text: str) -> str:
    """Return text without line breaks, runs of space, or characters that would steer a terminal."""
    printable = "".join(char if char.isprintable() or char.isspace() else "\N{REPLACEMENT CHARACTER}" for char in text)
    return " ".join(printable.split())


def shortened(text: str, width: int) -> str:
    """Return text of at most `width` characters, ending in … where something was cut."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def _numbers(estimate: Estimate) -> tuple[float, float, float]:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        raise ValueError(f"{estimate.measure} is {estimate.status}: it has no number to show")
    return estimate.value, estimate.low, estimate.high
