"""A method that takes its time, for a run that is disturbed half way."""

import os
import time
from pathlib import Path

from torch import Tensor

from interpmark.methods import AffineEdit, Edit, register


@register("slow", kind="eraser", supports={"binary"})
class Slow:
    """A difference of means, late, that says which process it was fitted in."""

    def __init__(self, step: int = 0) -> None:
        self.step = step

    def fit(self, x: Tensor, z: Tensor, *, seed: int) -> Edit:
        if "SLOW_LOG" in os.environ:
            with Path(os.environ["SLOW_LOG"]).open("a") as log:
                log.write(f"{os.getpid()}\n")
        time.sleep(float(os.environ.get("SLOW_SECONDS", "0")))
        return AffineEdit.projection(x[z == 1].mean(0) - x[z == 0].mean(0), center=x.mean(0)).scaled(
            1 / (1 + self.step)
        )
