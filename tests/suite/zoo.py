"""Methods that break the contract, each in its own way."""

import contextlib
import sys
import time

import torch

from interpmark.methods import AffineEdit, Edit, IdentityEdit, register


@register("zoo-raises", kind="eraser")
class Raises:
    """Raise in the fit."""

    def fit(self, x, z, *, seed):
        raise RuntimeError("the zoo's own failure")


@register("zoo-nan", kind="eraser")
class ReturnsNan:
    """Return an edit whose output is NaN."""

    def fit(self, x, z, *, seed):
        return AffineEdit(
            read=torch.full((x.shape[1], 1), float("nan"), dtype=torch.float64),
            write=torch.ones(x.shape[1], 1, dtype=torch.float64),
            center=None,
            shift=None,
        )


class _Custom(Edit):
    """What an edit needs, for edits that are wrong somewhere."""

    def __init__(self, size):
        self.size = size

    @property
    def d(self):
        return self.size

    @property
    def rank(self):
        return 0

    def tensors(self):
        return {"size": torch.tensor(self.size)}

    @classmethod
    def from_tensors(cls, tensors):
        return cls(int(tensors["size"]))


class _Narrow(_Custom):
    tag = "zoo-narrow"

    def __call__(self, x, z=None):
        return x[..., :-1]


@register("zoo-shape", kind="eraser")
class WrongShape:
    """Return an edit that drops a dimension."""

    def fit(self, x, z, *, seed):
        return _Narrow(x.shape[1])


class _Half(_Custom):
    tag = "zoo-half"

    def __call__(self, x, z=None):
        return x.half()


@register("zoo-dtype", kind="eraser")
class WrongDtype:
    """Return an edit that changes the dtype."""

    def fit(self, x, z, *, seed):
        return _Half(x.shape[1])


@register("zoo-mutates", kind="eraser")
class Mutates:
    """Centre the caller's activations in place."""

    def fit(self, x, z, *, seed):
        x -= x.mean(0)
        return IdentityEdit(x.shape[1])


@register("zoo-unseeded", kind="eraser")
class Unseeded:
    """Draw from the global random state and not from the seed."""

    def fit(self, x, z, *, seed):
        return AffineEdit.projection(torch.randn(x.shape[1], dtype=torch.float64), center=x.mean(0))


@register("zoo-hangs", kind="eraser")
class Hangs:
    """Never return."""

    def fit(self, x, z, *, seed):
        while True:
            time.sleep(0.01)


@register("zoo-clings", kind="eraser")
class Clings:
    """Never return, and catch what would end it."""

    def fit(self, x, z, *, seed):
        while True:
            with contextlib.suppress(Exception):
                time.sleep(0.01)


@register("zoo-exits", kind="eraser")
class Exits:
    """Leave the process, as a script's main function does."""

    def fit(self, x, z, *, seed):
        sys.exit(0)


class _Unsavable(_Custom):
    """An edit without a tag, as if it held a closure."""

    def __call__(self, x, z=None):
        return x


@register("zoo-unsavable", kind="eraser")
class ReturnsUnsavable:
    """Return an edit that cannot be saved."""

    def fit(self, x, z, *, seed):
        return _Unsavable(x.shape[1])


@register("zoo-nothing", kind="eraser")
class ReturnsNothing:
    """Forget the return statement."""

    def fit(self, x, z, *, seed):
        IdentityEdit(x.shape[1])


@register("zoo-false-claim", kind="eraser", claims={"guards-linearly"})
class FalseClaim:
    """Claim a guard and change nothing."""

    def fit(self, x, z, *, seed):
        return IdentityEdit(x.shape[1])
