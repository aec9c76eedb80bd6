"""The means of two classes, which most steerers start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from interpmark.methods.errors import FitError
from interpmark.methods.labels import is_classes
from interpmark.methods.whitening import RANK_TOLERANCE

if TYPE_CHECKING:
    from torch import Tensor


class ClassMeans(NamedTuple):
    """The means of classes 0 and 1, `[d]` each."""

    zero: Tensor
    one: Tensor

    @property
    def difference(self) -> Tensor:
        """From the mean of class 0 to that of class 1."""
        return self.one - self.zero

    @property
    def middle(self) -> Tensor:
        """The point half way between them."""
        return (self.zero + self.one) / 2


def class_means(x: Tensor, z: Tensor) -> ClassMeans:
    """Return the class means of activations x `[n, d]` float64 with classes z int64 `[n]`, 0 and 1.

    Raises:
        FitError: The labels are not the classes 0 and 1, or the means are equal.

    """
    if not is_classes(z) or set(z.tolist()) != {0, 1}:
        raise FitError("steering goes from class 0 to class 1: z must be int64 [n] with both 0 and 1 in it")
    means = ClassMeans(x[z == 0].mean(0), x[z == 1].mean(0))
    if not bool((means.difference.abs() > RANK_TOLERANCE * x.abs().amax(0)).any()):
        raise FitError("the class means do not differ: there is no direction to steer along")
    return means


def unit(direction: Tensor) -> Tensor:
    """Return the direction with length one.

    Raises:
        FitError: It has length zero.

    """
    length = direction.norm()
    if not bool(length > 0):
        raise FitError("the direction found has length zero")
    found: Tensor = direction / length
    return found
