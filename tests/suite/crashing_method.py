"""A method that takes its process with it."""

import os
import signal

from torch import Tensor

from interpmark.methods import register


@register("crashing", kind="eraser")
class Crashing:
    """What a bug in compiled code does."""

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
