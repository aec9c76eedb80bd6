"""JSON as every file of results is written: sorted keys, ASCII, and never NaN or Infinity.

Equal data gives equal bytes. NaN is refused and not mapped to null, because a null read back as a number has turned
"not scored" into 0 in other projects.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def plain(value: object, where: str = "value") -> Json:
    """Return a deep copy of `value` made of dict, list, str, int, float, bool and None only.

    Tuples become lists; numpy arrays and scalars, and anything else with `tolist`, become lists and numbers.
    Raises ValueError for NaN or infinity and TypeError for anything else, naming the place, such as `examples.g[3]`.
    """
    if value is None or isinstance(value, bool | str):
        # str(...) drops subclasses such as numpy.str_, which equal but are not plain text.
        return str(value) if isinstance(value, str) else value
    tolist = getattr(value, "tolist", None)
    if callable(tolist):
        return plain(tolist(), where)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where} is {value}: results hold finite numbers; use None for a missing one")
        return float(value)
    if isinstance(value, Mapping):
        return {_key(key, where): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise TypeError(f"{where} is a {type(value).__name__}, which JSON cannot hold")


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{where} has the key {key!r}: JSON keys are text")
    return str(key)


def dumps(value: object, *, indent: int | None = None) -> str:
    """Return JSON text ending in a newline, with sorted keys. Raises as `plain` does."""
    return json.dumps(plain(value), allow_nan=False, sort_keys=True, indent=indent) + "\n"


def loads(text: str | bytes) -> Any:
    """Parse JSON, refusing the constants NaN and Infinity. Raises ValueError for anything malformed."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON and not a result")
