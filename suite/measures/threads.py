"""One thread for work that is many small products, and several such works at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import torch
from threadpoolctl import ThreadpoolController

Result = TypeVar("Result")

_found: list[int] = []
"""How many threads each context that is open has found, the outermost first."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch's CPU kernels and numpy's on one thread, and as before afterwards; as a context or as a decorator.

    The adversaries are hundreds of products of a [n, d] by a [d, 1] matrix: at d = 576 a second thread saves a third of
    the time on an idle machine, and where other processes want the cores (pytest-xdist) its barriers cost ten times
    the work. One thread also keeps the scores independent of the number of cores.
    """
    _found.append(torch.get_num_threads())
    torch.set_num_threads(1)
    try:
        with _libraries().limit(limits=1):
            yield
    finally:
        torch.set_num_threads(_found.pop())


@cache
def _libraries() -> ThreadpoolController:
    """The BLAS that numpy calls, which is not the one that torch has built in."""
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def meanwhile(works: Sequence[Callable[[], Result]]) -> Iterator[Callable[[], list[Result]]]:
    """Run works that depend on nothing of each other while the block runs, each of them and the block on one thread.

    They run on as many threads as torch had before the outermost `one_thread`, and with one in turn, before the block.
    What is handed out waits for them and returns their results, which are the same to the bit.
    """
    with one_thread():
        threads = min(_found[0], len(works))
        if threads < 2:
            done = [work() for work in works]
            yield lambda: done
            return
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            begun = [pool.submit(work) for work in works]
            yield lambda: [one.result() for one in begun]
