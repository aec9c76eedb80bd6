"""The limit on a method's own code: it ends what clings to life, and leaves others' alarms as they were."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from interpmark.suite.errors import ContractError
from interpmark.suite.time_limit import time_limit

HANGS = '''
import time
from interpmark.methods import register

@register("hangs", kind="eraser")
class Hangs:
    """Never return."""

    def fit(self, x, z, *, seed):
        while True:
            time.sleep(0.01)
'''


@pytest.fixture(autouse=True)
def no_alarm_is_left() -> Iterator[None]:
    before = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_method_that_catches_every_exception_is_ended() -> None:
    too_long = r"the fit of x ran past its time limit of 0.05 s.*--interp-time-limit"
    with pytest.raises(ContractError, match=too_long), time_limit(0.05, "the fit of x"):
        while True:
            with contextlib.suppress(Exception):
                time.sleep(0.01)


def test_anothers_later_alarm_is_kept() -> None:
    rung: list[int] = []
    signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    with time_limit(0.2, "the fit of x"):
        time.sleep(0.1)
    assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 0.2
    time.sleep(0.25)
    assert rung == [1]


def test_anothers_earlier_alarm_comes_first() -> None:
    def expired(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(TimeoutError), time_limit(60, "the fit of x"):
        time.sleep(5)


@pytest.mark.slow
def test_a_check_of_the_contract_ends_too(
    suite_run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "hangs.py").write_text(HANGS)
    fixture = ("--interp-fixtures", "planted-gaussian")
    done = suite_run("--interp-method", "hangs.py", "--interp-time-limit", "0.5", *fixture, "-k", "hangs-fits_binary")
    assert done.returncode == 1, done.stdout
    assert "the check fits_binary of hangs ran past its time limit of 0.5 s" in done.stdout
