"""The form of an edit that runs inside the subject: equal maps take equal forms, so each runs once.

Methods meet. With two classes mean projection, orthogonal LEACE and SAL are one projection, found by three formulas
that agree to the last few bits of float64. The subject runs in float32 or less: rounded to float32, in a canonical
sign and scale, the three edits are equal to the bit, and one run serves them all, on this machine or another.
"""

from __future__ import annotations

import hashlib

import torch

from interpmark.methods import AffineEdit, Edit, IdentityEdit


def running_form(edit: Edit, dtype: torch.dtype) -> Edit:
    """The edit as the subject runs it.

    Args:
        edit: Any edit.
        dtype: The subject's dtype. A float64 subject runs the edit as it is.

    Returns:
        For an affine edit that reads one direction, the same edit with a unit reading direction of fixed sign and all
        factors rounded to float32; the identity for an affine edit that does nothing; else the edit itself.

    """
    if not isinstance(edit, AffineEdit) or dtype == torch.float64:
        return edit
    if edit.read.shape[1] == 0 and edit.shift is None:
        return IdentityEdit(edit.d)
    if edit.read.shape[1] != 1:
        return edit
    scale = edit.read.norm()
    if scale == 0:
        return edit
    largest = edit.read[edit.read.abs().argmax()].sign()
    return AffineEdit(
        read=_float32(edit.read * largest / scale),
        write=_float32(edit.write * largest * scale),
        center=None if edit.center is None else _float32(edit.center),
        shift=None if edit.shift is None else _float32(edit.shift),
    )


def _float32(factor: torch.Tensor) -> torch.Tensor:
    return factor.to(torch.float32).to(torch.float64)


def content(edit: Edit) -> str:
    """Hash of the edit's type and factors, bit for bit."""
    # The tag names a type; two files of two authors may both hold a class MyEdit.
    digest = hashlib.sha256(f"{edit.tag}:{type(edit).__qualname__}".encode())
    for name, factor in sorted(edit.tensors().items()):
        digest.update(f"{name}{tuple(factor.shape)}{factor.dtype}".encode())
        digest.update(factor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
