"""Interpretability methods: the registry, the edits they return, and one file per method.

Importing this package registers every built-in method and does not import torch.
"""

from interpmark.methods import erasers as _erasers  # noqa: F401 (registers the built-in methods)
from interpmark.methods import steerers as _steerers  # noqa: F401 (the same)
from interpmark.methods.added_vectors import AddedVector, PlacedVectors, SidedVector
from interpmark.methods.affine import AffineEdit
from interpmark.methods.edit_files import load_any_edit, load_edit, load_site_edits, save_edit
from interpmark.methods.edits import ConstantEdit, Edit, IdentityEdit, OracleEdit
from interpmark.methods.errors import (
    EditError,
    FitError,
    MethodError,
    MethodSourceError,
    MethodWarning,
    RegistrationError,
    SpecError,
    UnknownMethodError,
)
from interpmark.methods.kinds import CLAIMS, KINDS, LABELS, SCOPES
from interpmark.methods.partial_edit import PartialEdit
from interpmark.methods.prompt_prefix import PromptPrefix
from interpmark.methods.registry import MethodInfo, register
from interpmark.methods.set_coordinates import MirroredCoordinates, SetCoordinate
from interpmark.methods.site_edits import SiteEdits
from interpmark.methods.source import load_method_source
from interpmark.methods.spec import MethodSpec, available, get_method
from interpmark.methods.steering import Steering

DEFAULT_METHODS: tuple[str, ...] = (
    "identity",
    "random-direction",
    "random-matched",
    "full-ablation",
    "mean-projection",
    "median-projection",
    "leace",
    "leace(method=orth)",
    "leace(shrinkage=True)",
    "oracle-leace",
    "sal",
    "inlp",
    "inlp(rank=4)",
    "inlp(rank=16)",
)
"""The specs of the default run."""

__all__ = [
    "CLAIMS",
    "DEFAULT_METHODS",
    "KINDS",
    "LABELS",
    "SCOPES",
    "AddedVector",
    "AffineEdit",
    "ConstantEdit",
    "Edit",
    "EditError",
    "FitError",
    "IdentityEdit",
    "MethodError",
    "MethodInfo",
    "MethodSourceError",
    "MethodSpec",
    "MethodWarning",
    "MirroredCoordinates",
    "OracleEdit",
    "PartialEdit",
    "PlacedVectors",
    "PromptPrefix",
    "RegistrationError",
    "SetCoordinate",
    "SidedVector",
    "SiteEdits",
    "SpecError",
    "Steering",
    "UnknownMethodError",
    "available",
    "get_method",
    "load_any_edit",
    "load_edit",
    "load_method_source",
    "load_site_edits",
    "register",
    "save_edit",
]
