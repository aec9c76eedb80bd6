"""Saving and loading edits: safetensors with a type tag, never a pickle."""

from __future__ import annotations

import os
from pathlib import Path

from interpmark.methods.edits import EDIT_TYPES, Edit
from interpmark.methods.errors import EditError, did_you_mean

_TAG = "interpmark.edit"


def save_edit(edit: Edit, path: str | os.PathLike[str]) -> None:
    """Write an edit to a safetensors file, whole or not at all.

    Raises:
        EditError: The edit is of a type that cannot be loaded again.

    """
    from safetensors.torch import save_file

    if not isinstance(edit, Edit):
        raise EditError(f"cannot save {type(edit).__name__}: a method returns an Edit, such as AffineEdit")
    if EDIT_TYPES.get(edit.tag) is not type(edit):
        raise EditError(f"cannot save {type(edit).__name__}: give the class a tag of its own, such as tag = 'my-edit'")
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in edit.tensors().items()}
    try:
        save_file(tensors, temporary, metadata={_TAG: edit.tag})
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def load_edit(path: str | os.PathLike[str]) -> Edit:
    """Read an edit that `save_edit` wrote.

    Raises:
        EditError: The file is missing, is no edit, or holds an edit of a type that is not known here.

    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise EditError(f"there is no edit file {os.fspath(path)}")
    try:
        with safe_open(path, framework="pt") as file:
            tag = (file.metadata() or {}).get(_TAG)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (the file is not a mapping)
    except SafetensorError as error:
        raise EditError(f"{os.fspath(path)} is not a safetensors file: {error}") from error
    if tag is None:
        raise EditError(f"{os.fspath(path)} holds tensors, but no edit that interpmark saved")
    if tag not in EDIT_TYPES:
        raise EditError(
            f"{os.fspath(path)} holds an edit of the unknown type {tag!r}{did_you_mean(tag, EDIT_TYPES)} "
            f"Known: {', '.join(sorted(EDIT_TYPES))}. Import the module that defines it first."
        )
    try:
        return EDIT_TYPES[tag].from_tensors(tensors)
    except KeyError as error:
        raise EditError(f"{os.fspath(path)} holds an edit of type {tag!r} that lacks {error}") from error
