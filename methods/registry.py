"""The registry of methods: `@register` checks a class loudly and keeps it; nothing here imports torch."""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from interpmark.methods.errors import RegistrationError, UnknownMethodError, did_you_mean
from interpmark.methods.kinds import CLAIMS, KINDS, LABELS

C = TypeVar("C", bound=type)
_NAME = re.compile(r"[a-z][a-z0-9]*([-_.][a-z0-9]+)*\Z")
_METHODS: dict[str, "MethodInfo"] = {}


@dataclass(frozen=True)
class MethodInfo:
    """What the registry knows about a method: all of it is known without fitting and without torch."""

    name: str
    kind: str
    claims: frozenset[str]
    reference: str
    oracle: bool
    control: bool
    supports: frozenset[str]
    cls: type = field(repr=False)
    summary: str
    parameters: Mapping[str, Any]

    @property
    def needs_bench(self) -> bool:
        """Whether the method is fitted with `fit_on(bench, *, seed)` because activations and labels are not enough."""
        return callable(getattr(self.cls, "fit_on", None))


def register(
    name: str,
    *,
    kind: str,
    claims: Iterable[str] = frozenset(),
    reference: str = "",
    oracle: bool = False,
    control: bool = False,
    supports: Iterable[str] = frozenset(LABELS),
) -> Callable[[C], C]:
    """Register the decorated class as a method.

    Args:
        name: Lower-case words joined by hyphens; the name in specs, ids and tables.
        kind: One of `KINDS`.
        claims: Names from `CLAIMS` that hold for the default parameters. A method whose claims depend on its
            parameters has an attribute `claims` on the instance, which then counts.
        reference: Where the method comes from, such as "arXiv:2306.03819".
        oracle: The edit sees the labels when it is applied, so it is shown apart.
        control: The method is there for comparison and makes no attempt to be good.
        supports: The kinds of labels that it can be fitted on, from `LABELS`.

    Raises:
        RegistrationError: The name, kind, claims or labels are not known, the name is taken, or the class lacks
            `fit(self, x, z, *, seed)` or `fit_on(self, bench, *, seed)` or has parameters without a default.

    """
    _check_name(name)
    _check_member("kind", kind, KINDS, name)
    known_claims = _check_members("claims", claims, CLAIMS, name)
    known_labels = _check_members("supports", supports, LABELS, name)

    def add(cls: C) -> C:
        _check_class(name, cls)
        info = MethodInfo(
            name=name,
            kind=kind,
            claims=known_claims,
            reference=reference,
            oracle=oracle,
            control=control,
            supports=known_labels,
            cls=cls,
            summary=(inspect.getdoc(cls) or "").partition("\n")[0],
            parameters=_parameters(name, cls),
        )
        _check_free(info)
        _METHODS[name] = info
        return cls

    return add


def registered() -> Mapping[str, MethodInfo]:
    """Return the methods that are registered now, by name, without looking for plug-ins."""
    return MappingProxyType(_METHODS)


def find(name: str) -> MethodInfo:
    """Return the method of this name.

    Raises:
        UnknownMethodError: No such method; the message has the nearest name and all the others.

    """
    if name not in _METHODS:
        raise UnknownMethodError(
            f"unknown method {name!r}{did_you_mean(name, _METHODS)} Registered: {', '.join(sorted(_METHODS))}."
        )
    return _METHODS[name]


def restore(snapshot: Mapping[str, MethodInfo]) -> None:
    """Put the registry back to an earlier state, after a file that registered something and then failed."""
    _METHODS.clear()
    _METHODS.update(snapshot)


def source_file(cls: type) -> Path | None:
    """Return the file that a class was written in, or None for one typed into an interpreter."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return Path(file).resolve() if file else None


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise RegistrationError(
            f'register takes the method\'s name first: @register("my-method", kind="eraser"); it was given {name!r}'
        )
    if not _NAME.match(name):
        raise RegistrationError(
            f"{name!r} cannot be a method's name: use lower-case letters, digits and hyphens, such as 'my-method'"
        )


def _check_member(what: str, given: object, allowed: Mapping[str, str], name: str) -> None:
    if given not in allowed:
        raise RegistrationError(
            f"method {name!r}: unknown {what} {given!r}{did_you_mean(str(given), allowed)} "
            f"Allowed: {', '.join(sorted(allowed))}."
        )


def _check_members(what: str, given: Iterable[str], allowed: Mapping[str, str], name: str) -> frozenset[str]:
    if isinstance(given, str):
        raise RegistrationError(f"method {name!r}: {what} is a set of names; write {what}={{{given!r}}}")
    members = frozenset(given)
    for member in sorted(members, key=str):
        _check_member(what, member, allowed, name)
    return members


def _check_class(name: str, cls: object) -> None:
    if not isinstance(cls, type):
        raise RegistrationError(
            f"method {name!r}: register decorates a class with fit(self, x, z, *, seed); it was given {cls!r}"
        )
    if not callable(getattr(cls, "fit", None)) and not callable(getattr(cls, "fit_on", None)):
        near = did_you_mean("fit", [a for a in vars(cls) if not a.startswith("_")])
        raise RegistrationError(
            f"method {name!r}: {cls.__qualname__} has no fit{near} "
            "Define fit(self, x, z, *, seed), or fit_on(self, bench, *, seed) if it needs more than activations."
        )
    for method, arguments in (("fit", ("x", "z")), ("fit_on", ("bench",))):
        if callable(getattr(cls, method, None)):
            _check_signature(name, cls, method, arguments)


def _check_signature(name: str, cls: type, method: str, arguments: tuple[str, ...]) -> None:
    static = isinstance(inspect.getattr_static(cls, method), staticmethod | classmethod)
    signature = inspect.signature(getattr(cls, method))
    try:
        signature.bind(*([] if static else [None]), *arguments, seed=0)
    except TypeError as error:
        raise RegistrationError(
            f"method {name!r}: {cls.__qualname__}.{method}{signature} cannot be called as "
            f"{method}({', '.join(arguments)}, seed=0): {error}. "
            f"Define it as {method}(self, {', '.join(arguments)}, *, seed)."
        ) from None


def _parameters(name: str, cls: type) -> Mapping[str, Any]:
    """Return the constructor's parameters and their defaults; a spec sets them by keyword."""
    if inspect.getattr_static(cls, "__init__") is object.__init__:
        return MappingProxyType({})
    parameters: dict[str, Any] = {}
    for parameter in list(inspect.signature(cls).parameters.values()):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.default is parameter.empty or parameter.kind is parameter.POSITIONAL_ONLY:
            raise RegistrationError(
                f"method {name!r}: the parameter {parameter.name!r} of {cls.__qualname__} needs a default and a name "
                f"to set it by, because {name!r} alone must make a method; write {parameter.name}=..."
            )
        parameters[parameter.name] = parameter.default
    return MappingProxyType(parameters)


def _check_free(info: MethodInfo) -> None:
    """Refuse a name that is taken, but let a class replace itself: a file loaded again, a notebook cell run again."""
    old = _METHODS.get(info.name)
    if old is None or old.cls is info.cls:
        return
    same_class = (old.cls.__module__, old.cls.__qualname__) == (info.cls.__module__, info.cls.__qualname__)
    old_file, new_file = source_file(old.cls), source_file(info.cls)
    loaded_again = old.cls.__module__ != info.cls.__module__ and old_file is not None and old_file == new_file
    if not same_class and not loaded_again:
        raise RegistrationError(
            f"the method name {info.name!r} is taken by {old.cls.__module__}.{old.cls.__qualname__}"
            f"{f' in {old_file}' if old_file else ''}; register {info.cls.__qualname__} under another name"
        )
