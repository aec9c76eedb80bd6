"""Labels as a matrix: int64 classes become one-hot columns, real labels keep theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from interpmark.methods.errors import FitError

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


def label_matrix(z: Tensor, classes: int | None = None) -> Tensor:
    """Return labels as float64 `[..., k]`.

    Args:
        z: Integer classes `[...]`, which become one-hot, or real labels `[..., k]`, which only change dtype.
        classes: How many classes there are; by default one more than the largest label.

    Raises:
        FitError: NaN, a negative class, or a class beyond `classes`.

    """
    if z.is_floating_point():
        if not bool(z.isfinite().all()):
            raise FitError("the labels hold NaN or infinity")
        return z.to(torch.float64)
    z = z.to(torch.int64)
    if z.numel() and int(z.min()) < 0:
        raise FitError(f"classes are numbered from 0; the labels hold {int(z.min())}")
    k = classes if classes is not None else (int(z.max()) + 1 if z.numel() else 1)
    if z.numel() and int(z.max()) >= k:
        raise FitError(f"the labels hold class {int(z.max())}, but there are only {k} classes")
    return torch.nn.functional.one_hot(z, k).to(torch.float64)


def is_classes(z: Tensor) -> bool:
    """Return whether labels are classes (integers) and not real numbers."""
    return not z.is_floating_point()
