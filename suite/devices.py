"""One GPU for each worker of pytest-xdist, chosen before torch is loaded.

A process sees the GPUs that CUDA_VISIBLE_DEVICES names when it first asks for one, so a worker that sees one only can
say `cuda` and hold no memory on another. Nothing is imported here that could ask.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, MutableMapping, Sequence

VISIBLE = "CUDA_VISIBLE_DEVICES"
# Seconds that nvidia-smi may take: it wakes sleeping GPUs one after the other.
LISTING_SECONDS = 60


def pin_worker(device: str, environment: MutableMapping[str, str] = os.environ) -> None:
    """Let worker K of pytest-xdist see only the K-th of the GPUs that it would see, counted round.

    Only where `device` is `cuda`: `cuda:1` is somebody's choice, and stays one of the GPUs that all workers see. Where
    there is no GPU, or nobody tells how many there are, nothing changes.
    """
    worker = re.fullmatch(r"gw(\d+)", environment.get("PYTEST_XDIST_WORKER", ""))
    if worker is None or device != "cuda":
        return
    visible = visible_devices(environment)
    if visible:
        environment[VISIBLE] = visible[int(worker[1]) % len(visible)]


def visible_devices(environment: Mapping[str, str]) -> Sequence[str]:
    """The GPUs that a process of this environment sees, as CUDA_VISIBLE_DEVICES would name them."""
    told = environment.get(VISIBLE)
    if told is None:
        return [str(index) for index in range(_installed())]
    entries = [entry.strip() for entry in told.split(",")]
    # CUDA reads up to the first entry that names nothing: "" and "-1" hide all GPUs.
    end = next((i for i, entry in enumerate(entries) if entry in ("", "-1")), len(entries))
    return entries[:end]


def _installed() -> int:
    """How many GPUs the machine has, as the driver's own program lists them, one a line; 0 when it cannot tell."""
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=LISTING_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return 0
    return len(re.findall(r"^GPU \d+:", done.stdout, re.MULTILINE)) if done.returncode == 0 else 0
