"""The file that `interpmark new` writes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_ERASER = '''"""{name}: say here what the method is and where it was published.

Formula:  x' = x - ((x - mean) . v) v,   v = the direction between the class means

Score it among the known methods:
    pytest --pyargs interpmark.suite --interp-method {file}
A first look in a minute:
    pytest --pyargs interpmark.suite --interp-quick --interp-method {file}
"""

from interpmark.methods import AffineEdit, register


# `claims` is what the suite holds the method to on the data it was fitted on; `interpmark show leace` lists some.
# `supports` says which labels it takes: the suite does not run it on others.
@register("{name}", kind="eraser", claims={{"guards-linearly", "affine"}}, supports={{"binary"}}, reference="")
class {cls}:
    """Project out one direction."""

    def __init__(self, keep_mean: bool = True):
        # Constructor arguments are the hyper-parameters: "{name}(keep_mean=False)" is a row of its own.
        self.keep_mean = keep_mean

    def fit(self, x, z, *, seed):
        # x: activations of the fit split, [n, d] float64. z: class of each row, [n] int64. seed: for all randomness.
        # Do not change x or z in place; return an edit, which maps activations [..., d] to activations [..., d].
        direction = x[z == 1].mean(0) - x[z == 0].mean(0)  # [d]
        return AffineEdit.projection(direction, center=x.mean(0) if self.keep_mean else None)
'''


_STEERER = '''"""{name}: say here what the method is and where it was published.

Formula:  x' = x + strength * v,   v = the difference of the class means

Score it among the known steerers:
    pytest --pyargs interpmark.suite --interp-method {file} --interp-methods caa,mean-centring,random-steering
A first look in a minute:
    pytest --pyargs interpmark.suite --interp-quick --interp-method {file} -k {name}
"""

from interpmark.methods import AddedVector, register


# `claims` is what the suite holds the method to on the data it was fitted on; `interpmark show caa` lists some.
# `supports` says which labels it takes: the suite does not run it on others.
@register("{name}", kind="steerer", claims={{"affine"}}, supports={{"binary"}}, reference="")
class {cls}:
    """Add one vector."""

    def __init__(self, scope: str = "all"):
        # Constructor arguments are the hyper-parameters: "{name}(scope=last)" is a row of its own.
        self.scope = scope

    def fit(self, x, z, *, seed):
        # x: activations of the fit split, [n, d] float64. z: class of each row, [n] int64. seed: for all randomness.
        # Do not change x or z in place; return an edit that has a strength. 1 is its natural size, positive strengths
        # go towards class 1, and the suite sweeps them.
        vector = x[z == 1].mean(0) - x[z == 0].mean(0)  # [d]
        return AddedVector(vector, scope=self.scope)
'''

TEMPLATES: Mapping[str, str] = MappingProxyType({"eraser": _ERASER, "steerer": _STEERER})
"""The file to begin with, by kind of method."""


def write_method(name: str, folder: Path, kind: str = "eraser") -> Path:
    """Write the file of a method of a kind, called after `name` into `folder` and return its path.

    Raises:
        ValueError: The name does not suit a method.
        FileExistsError: There is a file of that name already; nothing is written.

    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise ValueError(f"{name!r} is no method name: use lower-case words joined by '-', such as my-eraser")
    path = folder / (name.replace("-", "_") + ".py")
    cls = "".join(word.capitalize() for word in name.split("-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATES[kind].format(name=name, cls=cls, file=path))
    except FileExistsError:
        raise FileExistsError(f"{path} exists already; choose another name or remove it") from None
    return path
