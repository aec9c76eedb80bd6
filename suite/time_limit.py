"""A time limit on a method's own code."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .errors import ContractError

# What a method swallows comes again, so that `except Exception: pass` in a loop does not make a fit endless.
_AGAIN = 1.0


class _Expired(BaseException):
    """The time is up. No `Exception`: a method's own handlers are for its own errors."""


@contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """Raise `ContractError` in the block when it runs longer than `seconds`.

    An alarm signal interrupts Python code, sleeping included; a single call into compiled code is interrupted when it
    returns. Signals reach only the main thread of a Unix process: elsewhere the block runs without a limit. An alarm
    that somebody else has set, such as pytest-timeout, is kept, and comes first where it is earlier.
    """
    usable = hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread()
    others = signal.getitimer(signal.ITIMER_REAL)[0] if usable else 0.0
    if not usable or seconds <= 0 or 0 < others <= seconds:
        yield
        return

    def expired(signum: int, frame: FrameType | None) -> None:
        raise _Expired

    previous, started = signal.signal(signal.SIGALRM, expired), time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield
    except _Expired as error:
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise ContractError(
            f"{what} ran past its time limit of {seconds:g} s. "
            "Make the fit cheaper, or raise the limit with --interp-time-limit."
        ) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        if others:
            signal.setitimer(signal.ITIMER_REAL, max(others - (time.monotonic() - started), 1e-3))
