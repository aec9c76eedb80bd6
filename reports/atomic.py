"""Files that appear whole or not at all: written under a temporary name, synced, then renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

# No write takes this long, so an older temporary file belongs to a process that was killed.
STALE_SECONDS = 600.0
_SUFFIX = ".tmp"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what is written there becomes `path` when the block ends well.

    When the block raises, the temporary file is removed and `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}{_SUFFIX}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.filename in (None, str(temporary)):  # a full disk does not say what it has no room for
            error.filename = str(path)
        raise
    finally:
        with contextlib.suppress(OSError):  # a read-only folder refuses this too; the first error is the one to tell
            temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write text (as UTF-8) or bytes to `path`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)


def remove_stale(folder: Path) -> int:
    """Remove the temporary files that killed processes left in `folder`; return how many."""
    removed = 0
    for path in folder.glob(f".*{_SUFFIX}"):
        # Another process may clean up at the same time, and a read-only folder is no reason to fail.
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > STALE_SECONDS:
                path.unlink()
                removed += 1
    return removed


def _sync_folder(folder: Path) -> None:
    # A rename is durable once the folder is synced; Windows cannot open a folder, and does not need it.
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
