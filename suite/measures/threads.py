"""One thread for work that is many small products."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch's CPU kernels on one thread, and as before afterwards; as a context or as a decorator.

    The adversaries are hundreds of products of a [n, d] by a [d, 1] matrix: at d = 576 a second thread saves a third of
    the time on an idle machine, and where other processes want the cores (pytest-xdist) its barriers cost ten times
    the work. One thread also keeps the scores independent of the number of cores.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
