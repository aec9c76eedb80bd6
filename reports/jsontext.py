"""JSON as every file of results is written: sorted keys, ASCII, and never NaN or Infinity.

Equal data gives equal bytes. NaN is refused and not mapped to null, because a null read back as a number has turned
"not scored" into 0 in other projects.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

_SCALARS = frozenset({bool, int, str, type(None)})

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def plain(value: object, where: str = "value") -> Json:
    """Return a deep copy of `value` made of dict, list, str, int, float, bool and None only.

    Tuples become lists; numpy arrays and scalars, and anything else with `tolist`, become lists and numbers.
    Raises ValueError for NaN or infinity and TypeError for anything else, naming the place, such as `examples.g[3]`.
    """
    try:
        return _plain(value)
    except _UnfitError as unfit:
        raise unfit.kind(f"{where}{unfit.place} {unfit.what}") from None


class _UnfitError(Exception):
    """A value that JSON cannot hold. The place is put together on the way out: it costs nothing when all is well."""

    def __init__(self, kind: type[Exception], what: str) -> None:
        self.kind, self.what, self.place = kind, what, ""


def _plain(value: object) -> Json:
    if value is None or isinstance(value, bool | str):
        # str(...) drops subclasses such as numpy.str_, which equal but are not plain text.
        return str(value) if isinstance(value, str) else value
    tolist = getattr(value, "tolist", None)
    if callable(tolist):
        return _plain(tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _UnfitError(ValueError, f"is {value}: results hold finite numbers; use None for a missing one")
        return float(value)
    if isinstance(value, Mapping):
        return {_key(key): _item(item, key, ".{}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        if _all_plain(value):
            return list(value)
        return [_item(item, index, "[{}]") for index, item in enumerate(value)]
    raise _UnfitError(TypeError, f"is a {type(value).__name__}, which JSON cannot hold")


def _all_plain(values: list[Any] | tuple[Any, ...]) -> bool:
    """Whether a list is of plain scalars, so that a copy will do: a scorecard holds a hundred thousand numbers."""
    kinds = set(map(type, values))
    return kinds <= _SCALARS or (kinds == {float} and all(map(math.isfinite, values)))


def _item(value: object, place: object, form: str) -> Json:
    try:
        return _plain(value)
    except _UnfitError as unfit:
        unfit.place = form.format(place) + unfit.place
        raise


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise _UnfitError(TypeError, f"has the key {key!r}: JSON keys are text")
    return str(key)


def dumps(value: object, *, indent: int | None = None) -> str:
    """Return JSON text ending in a newline, with sorted keys. Raises as `plain` does."""
    return json.dumps(plain(value), allow_nan=False, sort_keys=True, indent=indent) + "\n"


def loads(text: str | bytes) -> Any:
    """Parse JSON, refusing the constants NaN and Infinity. Raises ValueError for anything malformed."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON and not a result")
