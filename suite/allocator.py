"""Keeping large buffers between batches."""

from __future__ import annotations

import ctypes
import sys

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_KEPT = 1 << 30  # bytes


def keep_large_buffers() -> bool:
    """Let glibc reuse freed buffers of up to 1 GiB instead of handing them back; whether it took the advice.

    A batch's logits take 100 to 200 MB. By default glibc maps such a buffer anew for each batch, and the kernel zeroes
    it page by page: a tenth of the time of a run over the corpus. Other C libraries are left alone.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _KEPT)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEPT))
