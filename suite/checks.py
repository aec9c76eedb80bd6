"""Three doors for whoever writes a method: records, parametrized tests, and a test case to inherit.

from interpmark.suite import MethodTestCase, check_method, parametrize_with_checks

for record in check_method("my-method"):            # records
    print(record.status, record.name, record.message)

@parametrize_with_checks(["my-method", "my-method(rank=4)"])
def test_contract(method, check):                   # a test for each method and check
    check(method)

class TestMyMethod(MethodTestCase):                 # a test class
    method = MyMethod
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

import pytest

from interpmark.methods import MethodError, MethodSpec, get_method, registry
from interpmark.methods.errors import did_you_mean

from .contract import CHECKS, CheckFailed, CheckSkipped

AnyMethod = str | type | MethodSpec


@dataclass(frozen=True)
class CheckRecord:
    """What came of one check on one method.

    Attributes:
        name: The check, such as `fits_binary`.
        method: The method's spec.
        status: Failed also stands for an exception in the method's own code.
        message: Empty when passed; otherwise why, and what to do.

    """

    name: str
    method: str
    status: Literal["passed", "failed", "skipped"]
    message: str = ""


def check_method(method: AnyMethod, checks: Iterable[str] | None = None) -> list[CheckRecord]:
    """Run the checks on a method and return a record of each; a failing check raises nothing.

    Args:
        method: A spec such as `inlp(rank=4)`, or a class that `@register` decorates, or a `MethodSpec`.
        checks: Names from `CHECKS`; by default all.

    Raises:
        MethodError: The method is not registered, or its spec is wrong.
        ValueError: A check is unknown.

    """
    spec = as_spec(method)
    return [run_check(spec, name) for name in (CHECKS if checks is None else checks)]


def run_check(method: AnyMethod, check: str) -> CheckRecord:
    """Run one check by name and return its record."""
    spec = as_spec(method)
    _refuse_unknown([check])
    try:
        CHECKS[check](spec)
    except CheckSkipped as skipped:
        return CheckRecord(check, spec.name, "skipped", str(skipped))
    except CheckFailed as failed:
        return CheckRecord(check, spec.name, "failed", f"{spec.name}: {failed}")
    except (Exception, SystemExit) as error:  # the method's own exception is what the check found
        where = traceback.extract_tb(error.__traceback__)[-1]
        return CheckRecord(
            check,
            spec.name,
            "failed",
            f"{spec.name}: raised {type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno}); "
            "a method fits all labels that it `supports`",
        )
    return CheckRecord(check, spec.name, "passed")


def as_spec(method: AnyMethod) -> MethodSpec:
    """Return the configured method that a spec string, a registered class or a `MethodSpec` stands for."""
    if isinstance(method, MethodSpec):
        return method
    if isinstance(method, str):
        return get_method(method)
    for info in registry.registered().values():
        if info.cls is method:
            return get_method(info.name)
    name = getattr(method, "__qualname__", repr(method))
    raise MethodError(f'{name} is not registered; put @register("my-method", kind="eraser") above the class')


def assert_check(method: AnyMethod, check: str) -> None:
    """Run one check inside a test: fail or skip it with the record's message."""
    record = run_check(method, check)
    if record.status == "skipped":
        pytest.skip(record.message)
    if record.status == "failed":
        pytest.fail(record.message, pytrace=False)


def parametrize_with_checks(
    methods: Sequence[AnyMethod],
    *,
    expected_failed_checks: Mapping[str, str] | Callable[[MethodSpec], Mapping[str, str]] = MappingProxyType({}),
) -> pytest.MarkDecorator:
    """Return a decorator that makes a test for each method and check.

    Args:
        methods: Specs, registered classes or `MethodSpec`s.
        expected_failed_checks: Reason by check name, or a function of the method that returns this. Such a check must
            fail; when it passes, its test fails, so that the list stays true.

    """
    params = []
    for spec in [as_spec(method) for method in methods]:
        expected = expected_failed_checks(spec) if callable(expected_failed_checks) else expected_failed_checks
        _refuse_unknown(expected)
        for name in CHECKS:
            marks = [pytest.mark.xfail(reason=expected[name], strict=True)] if name in expected else []
            params.append(pytest.param(spec, partial(assert_check, check=name), id=f"{spec.name}-{name}", marks=marks))
    return pytest.mark.parametrize(("method", "check"), params)


class MethodTestCase:
    """A test class with one test for each check; inherit it, call it `Test...`, and set `method`.

    Attributes:
        method: A spec, a registered class or a `MethodSpec`.
        expected_failed_checks: Reason by check name, for checks that must fail.

    """

    method: ClassVar[AnyMethod]
    expected_failed_checks: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _refuse_unknown(cls.expected_failed_checks)

    def run_check(self, check: str) -> None:
        """Run one check as a test."""
        if not hasattr(type(self), "method"):
            pytest.fail(f'{type(self).__name__} tests no method; set method = "my-method"', pytrace=False)
        reason = self.expected_failed_checks.get(check)
        if reason is None:
            assert_check(type(self).method, check)
        elif run_check(type(self).method, check).status == "failed":
            pytest.xfail(reason)
        else:
            pytest.fail(f"{check} was expected to fail and did not; take it off the list", pytrace=False)


def _add_tests() -> None:
    def test_of(name: str) -> Callable[[MethodTestCase], None]:
        def test(self: MethodTestCase) -> None:
            self.run_check(name)

        test.__name__ = f"test_{name}"
        test.__doc__ = CHECKS[name].__doc__
        return test

    for name in CHECKS:
        setattr(MethodTestCase, f"test_{name}", test_of(name))


def _refuse_unknown(checks: Iterable[str]) -> None:
    for check in checks:
        if check not in CHECKS:
            raise ValueError(f"unknown check {check!r}{did_you_mean(check, CHECKS)} Known: {', '.join(CHECKS)}.")


_add_tests()
