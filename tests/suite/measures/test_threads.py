"""Work that is done beside other work: at the same time where there are cores, and one after the other where not."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from interpmark.suite.measures.threads import meanwhile, one_thread

WAIT = 60  # seconds until a test gives up


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def numpy_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if "numpy" in library["filepath"]}


@pytest.mark.skipif(not numpy_threads(), reason="numpy's BLAS does not tell its threads")
def test_numpy_too_is_on_one_thread_and_as_before_afterwards() -> None:
    with threadpool_limits(2, user_api="blas"):
        with one_thread():
            with one_thread():
                assert numpy_threads() == {1}
            assert numpy_threads() == {1}
        assert numpy_threads() == {2}


def test_results_are_in_the_order_of_the_works(threads: int) -> None:
    with meanwhile([lambda k=k: (k, torch.get_num_threads()) for k in range(5)]) as results:
        assert results() == [(k, 1) for k in range(5)]
    assert torch.get_num_threads() == threads


def test_works_and_the_block_run_at_the_same_time_where_there_are_threads(threads: int) -> None:
    begun, gone_on = threading.Event(), threading.Event()

    def work() -> bool:
        begun.set()
        return gone_on.wait(WAIT if threads > 1 else 0)

    with meanwhile([work, work]) as results:
        assert begun.wait(WAIT)
        assert torch.get_num_threads() == 1
        gone_on.set()  # with one thread the works are over by now
        assert results() == [threads > 1] * 2
    assert torch.get_num_threads() == threads


def test_what_a_work_raises_comes_when_its_result_is_asked_for(threads: int) -> None:
    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), meanwhile([fails, fails]) as results:
        results()
    assert torch.get_num_threads() == threads


def test_works_inside_one_thread_take_the_threads_that_there_were_before(threads: int) -> None:
    with one_thread(), meanwhile([lambda: threading.current_thread().name] * 2) as results:
        names = results()
    assert (names == [threading.main_thread().name] * 2) == (threads == 1)
