"""A spec names a configured method: `leace`, `inlp(rank=4)`, `leace(method=orth)`, or `inlp(4)` for short."""

import ast
import inspect
import keyword
import math
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Union

from interpmark.methods import registry, source
from interpmark.methods.errors import MethodError, SpecError, did_you_mean
from interpmark.methods.kinds import CLAIMS
from interpmark.methods.plugins import load_plugins
from interpmark.methods.registry import MethodInfo

_SPEC = re.compile(r"\s*(?P<name>[\w.-]+)\s*(?:\((?P<arguments>.*)\))?\s*\Z", re.DOTALL)
_BARE_WORD = re.compile(r"[A-Za-z_][\w.-]*\Z")


@dataclass(frozen=True)
class MethodSpec:
    """A registered method and the parameters that differ from its defaults."""

    info: MethodInfo
    params: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The canonical spec: parameters in alphabetical order, defaults left out, plain strings unquoted."""
        if not self.params:
            return self.info.name
        arguments = ", ".join(f"{key}={_literal(value)}" for key, value in sorted(self.params.items()))
        return f"{self.info.name}({arguments})"

    def build(self) -> Any:
        """Return a new instance of the method.

        Raises:
            SpecError: The constructor refuses the parameters.

        """
        try:
            return self.info.cls(**self.params)
        except MethodError as error:
            raise SpecError(f"{self.name}: {error}") from error
        except Exception as error:
            raise SpecError(
                f"{self.name}: {self.info.cls.__qualname__}({_arguments(self.params)}) raised "
                f"{type(error).__name__}: {error}"
            ) from error

    @property
    def claims(self) -> frozenset[str]:
        """What the method claims with these parameters."""
        claims = getattr(self.build(), "claims", None)
        if claims is None:
            return self.info.claims
        unknown = sorted(set(claims) - set(CLAIMS))
        if unknown:
            raise SpecError(f"{self.name}: unknown claims {unknown}{did_you_mean(unknown[0], CLAIMS)}")
        return frozenset(claims)

    @property
    def source_hash(self) -> str:
        """Sha256 (hex) of the code that the method runs, of its parameters, and of the methods that it builds on."""
        built_on = getattr(self.build(), "builds_on", ())
        parts = [self.info.name, _arguments({**self.info.parameters, **self.params})]
        parts += [get_method(other).source_hash for other in built_on]
        return source.source_hash(self.info.cls, parts)

    def __str__(self) -> str:
        return self.name


def available() -> list[MethodInfo]:
    """Return every method that can be had: built in, loaded from files, and from installed packages, by name."""
    load_plugins()
    return [info for _, info in sorted(registry.registered().items())]


def get_method(spec: str) -> MethodSpec:
    """Return the configured method that a spec names.

    Args:
        spec: A registered name, with keyword arguments in parentheses if any. Values are Python literals; a bare
            word is a string. `leace(method=orth)`, `inlp(rank=8)`, `random-matched(to='inlp(rank=4)')`. The first
            parameter needs no name: `inlp(8)` is `inlp(rank=8)`, and is called that.

    Raises:
        UnknownMethodError: The name is not registered.
        SpecError: The spec cannot be read, or a parameter or its value is wrong.

    """
    match = _SPEC.match(spec)
    if match is None:
        raise SpecError(
            f"cannot read the method spec {spec!r}; write name or name(parameter=value), as in inlp(rank=4)"
        )
    if match["name"] not in registry.registered():
        load_plugins()
    info = registry.find(match["name"])
    given = _parse_arguments(info, spec, match["arguments"] or "")
    params = {}
    for key, value in given.items():
        value = _checked(info, key, value)
        if value != info.parameters[key] or type(value) is not type(info.parameters[key]):
            params[key] = value
    method = MethodSpec(info, MappingProxyType(params))
    method.build()  # a value that the constructor refuses is an error now, not after the captures
    return method


def _parse_arguments(info: MethodInfo, spec: str, arguments: str) -> dict[str, Any]:
    text = f"f({arguments})"
    try:
        call = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise SpecError(
            f"cannot read the arguments of {spec!r}: {error.msg}; write them as (rank=4), and text that is more than "
            "a word in quotes, as in (to='inlp(rank=4)')"
        ) from None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise SpecError(f"cannot read the method spec {spec!r}; write name(parameter=value)")
    values: dict[str, Any] = {}
    for name, node in _named(info, spec, call):
        if name in values:
            raise SpecError(f"{spec!r}: the parameter {name!r} is given twice")
        values[name] = _value(spec, name, ast.get_source_segment(text, node) or "", node)
    return values


def _named(info: MethodInfo, spec: str, call: ast.Call) -> list[tuple[str, ast.expr]]:
    """Return the arguments with their names. More than one without a name would depend on the parameters' order."""
    first = _first_parameter(info)
    starred = [value for value in call.args if isinstance(value, ast.Starred)]
    unpacked = starred or any(word.arg is None for word in call.keywords)
    if unpacked or len(call.args) > (0 if first is None else 1):
        if not info.parameters:
            raise SpecError(f"{spec!r}: {info.name} takes no parameters")
        takes = ", ".join(f"{name}=..." for name in info.parameters)
        which = "every parameter" if first is None else f"every parameter but the first, {first!r}"
        raise SpecError(f"{spec!r}: name {which}: {info.name}({takes})")
    return [(str(first), value) for value in call.args] + [(str(word.arg), word.value) for word in call.keywords]


def _first_parameter(info: MethodInfo) -> str | None:
    """Return the parameter that needs no name: none where the author lets the order of them mean nothing."""
    if not info.parameters:
        return None
    in_order = inspect.signature(info.cls).parameters.values()
    return next((p.name for p in in_order if p.kind is p.POSITIONAL_OR_KEYWORD), None)


def _value(spec: str, name: str, text: str, node: ast.expr) -> Any:
    if _is_word(text):
        return text
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise SpecError(
            f"{spec!r}: the value of {name!r} is {text!r}, which is no literal; "
            f"write a number, True, False, None, or a string in quotes: {name}={text!r}"
        ) from None
    if isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
        raise SpecError(f"{spec!r}: the value of {name!r} must be a finite real number, not {text}")
    return value


def _checked(info: MethodInfo, key: str, value: Any) -> Any:
    """Return the value in the type that the parameter has, or raise."""
    if key not in info.parameters:
        takes = ", ".join(info.parameters) or "no parameters"
        raise SpecError(
            f"{info.name} has no parameter {key!r}{did_you_mean(key, info.parameters)} {info.name} takes {takes}."
        )
    expected = _annotation(info, key)
    if expected is Any:
        return value
    allowed = typing.get_args(expected) if typing.get_origin(expected) in (Union, types.UnionType) else (expected,)
    for option in allowed:
        if typing.get_origin(option) is Literal and any(value is v or value == v for v in typing.get_args(option)):
            return value
        if option is float and type(value) is int:
            return float(value)
        if isinstance(option, type) and type(value) is option:
            return value
    if all(typing.get_origin(o) is not Literal and o not in (bool, int, float, str, type(None)) for o in allowed):
        return value  # an annotation that is not ours to judge
    wanted = " or ".join(_describe(option) for option in allowed)
    choices = [str(v) for o in allowed if typing.get_origin(o) is Literal for v in typing.get_args(o)]
    raise SpecError(f"{info.name}: {key} must be {wanted}, not {value!r}{did_you_mean(str(value), choices)}")


def _annotation(info: MethodInfo, key: str) -> Any:
    """Return the type that a parameter is annotated with, or that of its default, or Any."""
    try:
        hints = typing.get_type_hints(inspect.getattr_static(info.cls, "__init__"))
    except Exception:  # an author's annotation may name something that exists only for the type checker
        hints = {}
    if key in hints:
        return hints[key]
    default = info.parameters[key]
    return type(default) if isinstance(default, bool | int | float | str) else Any


def _describe(option: Any) -> str:
    if typing.get_origin(option) is Literal:
        return " or ".join(repr(v) for v in typing.get_args(option))
    names = {bool: "True or False", int: "a whole number", float: "a number", str: "a string", type(None): "None"}
    return names.get(option, inspect.formatannotation(option))


def _literal(value: Any) -> str:
    return value if isinstance(value, str) and _is_word(value) else repr(value)


def _is_word(text: str) -> bool:
    """Whether a string can be read without quotes. Python's parser cannot read `else`, `resid_post.3` or `v-`."""
    if not _BARE_WORD.match(text) or keyword.iskeyword(text):
        return False
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return False
    return True


def _arguments(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in sorted(params.items()))
