"""A time limit on a method's own code."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .errors import ContractError


@contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """Raise `ContractError` in the block when it runs longer than `seconds`.

    An alarm signal interrupts Python code, sleeping included; a single call into compiled code is interrupted when it
    returns. Signals reach only the main thread of a Unix process: elsewhere the block runs without a limit.
    """
    usable = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    if not usable or seconds <= 0:
        yield
        return

    def expired(signum: int, frame: FrameType | None) -> None:
        raise ContractError(
            f"{what} ran past its time limit of {seconds:g} s. "
            "Make the fit cheaper, or raise the limit with --interp-time-limit."
        )

    previous = signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
