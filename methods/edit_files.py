"""Saving and loading edits: safetensors with a type tag, never a pickle. Edits at several sites are one file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from interpmark.methods.edits import EDIT_TYPES, Edit
from interpmark.methods.errors import EditError, did_you_mean
from interpmark.methods.site_edits import SiteEdits

if TYPE_CHECKING:
    from torch import Tensor

_TAG = "interpmark.edit"
_SITES = "interpmark.sites"
"""A file of several edits holds the JSON `{site: tag}` under this name; its tensors are named `site/name`."""


def save_edit(edit: Edit | SiteEdits, path: str | os.PathLike[str]) -> None:
    """Write an edit, or the edits at several sites, to one safetensors file, whole or not at all.

    Raises:
        EditError: The edit is of a type that cannot be loaded again.

    """
    from safetensors.torch import save

    if isinstance(edit, SiteEdits):
        metadata = {_SITES: json.dumps({site: _tag(one) for site, one in edit.items()})}
        tensors = {f"{site}/{name}": t for site, one in edit.items() for name, t in one.tensors().items()}
    else:
        metadata, tensors = {_TAG: _tag(edit)}, edit.tensors()
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        with temporary.open("wb") as file:  # not save_file, whose error on a full disk is no OSError
            file.write(save(tensors, metadata=metadata))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def load_edit(path: str | os.PathLike[str]) -> Edit:
    """Read an edit that `save_edit` wrote.

    Raises:
        EditError: The file is missing, is no edit, or holds an edit of a type that is not known here, or edits at
            several sites.

    """
    edit = load_any_edit(path)
    if isinstance(edit, SiteEdits):
        raise EditError(f"{os.fspath(path)} holds edits at several sites; read it with load_site_edits")
    return edit


def load_site_edits(path: str | os.PathLike[str]) -> SiteEdits:
    """Read edits at several sites that `save_edit` wrote.

    Raises:
        EditError: The file is missing, or does not hold edits at several sites, or one of a type not known here.

    """
    edits = load_any_edit(path)
    if not isinstance(edits, SiteEdits):
        raise EditError(f"{os.fspath(path)} holds a single edit; read it with load_edit")
    return edits


def load_any_edit(path: str | os.PathLike[str]) -> Edit | SiteEdits:
    """Read what `save_edit` wrote, whichever it was.

    Raises:
        EditError: As `load_edit` and `load_site_edits` do.

    """
    metadata, tensors = _read(path)
    if _SITES not in metadata:
        return _edit(path, metadata[_TAG], tensors)
    try:
        tags = {str(site): str(tag) for site, tag in json.loads(metadata[_SITES]).items()}
    except (ValueError, AttributeError) as error:
        raise EditError(f"{os.fspath(path)} does not say which edits it holds: {error}") from error
    parts: dict[str, dict[str, Tensor]] = {site: {} for site in tags}
    for key, tensor in tensors.items():
        site, _, name = key.partition("/")
        if site not in parts:
            raise EditError(f"{os.fspath(path)} holds the tensor {key!r}, which belongs to none of its sites")
        parts[site][name] = tensor
    return SiteEdits({site: _edit(path, tag, parts[site]) for site, tag in tags.items()})


def _tag(edit: Edit) -> str:
    if not isinstance(edit, Edit):
        raise EditError(f"cannot save {type(edit).__name__}: a method returns an Edit, such as AffineEdit")
    if EDIT_TYPES.get(edit.tag) is not type(edit):
        raise EditError(f"cannot save {type(edit).__name__}: give the class a tag of its own, such as tag = 'my-edit'")
    return edit.tag


def _read(path: str | os.PathLike[str]) -> tuple[Mapping[str, str], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise EditError(f"there is no edit file {os.fspath(path)}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (the file is not a mapping)
    except SafetensorError as error:
        raise EditError(f"{os.fspath(path)} is not a safetensors file: {error}") from error
    if not {_TAG, _SITES} & metadata.keys():
        raise EditError(f"{os.fspath(path)} holds tensors, but no edit that interpmark saved")
    return metadata, tensors


def _edit(path: str | os.PathLike[str], tag: str, tensors: Mapping[str, Tensor]) -> Edit:
    if tag not in EDIT_TYPES:
        raise EditError(
            f"{os.fspath(path)} holds an edit of the unknown type {tag!r}{did_you_mean(tag, EDIT_TYPES)} "
            f"Known: {', '.join(sorted(EDIT_TYPES))}. Import the module that defines it first."
        )
    try:
        return EDIT_TYPES[tag].from_tensors(tensors)
    except KeyError as error:
        raise EditError(f"{os.fspath(path)} holds an edit of type {tag!r} that lacks {error}") from error
