"""The contract's checks pass what is sound, catch each broken method by its fault, and say what to do."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from interpmark.methods import DEFAULT_METHODS, IdentityEdit, MethodError, get_method, register, registry
from interpmark.suite.checks import MethodTestCase, as_spec, check_method, parametrize_with_checks, run_check
from interpmark.suite.contract import CHECKS

ADVICE = {
    "broken-raises": "RuntimeError: no luck today",
    "broken-nothing": "returned NoneType and not an Edit; return one of",
    "broken-multiclass": "supports",
    "broken-continuous": "supports",
    "broken-nan": "NaN or infinity; look for",
    "broken-standardising": "holds NaN or infinity; check the fit for a division by zero",
    "broken-inverting": "singular",
    "broken-shape": "an edit keeps the shape",
    "broken-dtype": r"end the edit with .to(x.dtype)",
    "broken-precision": "keep its factors in float64",
    "broken-mutates-x": "not x -=",
    "broken-mutates-z": "fit changed its input",
    "broken-edits-in-place": "return a new tensor",
    "broken-random": "torch.Generator().manual_seed(seed)",
    "broken-unsavable": "give the class a tag of its own",
    "broken-forgetful": "tensors() must return everything",
    "broken-claims": "guards-linearly (binary, planted_rows)",
}


@pytest.fixture(scope="module", autouse=True)
def zoo() -> Iterator[dict[str, str]]:
    before = dict(registry.registered())
    spec = importlib.util.spec_from_file_location("broken_methods", Path(__file__).with_name("broken_methods.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["broken_methods"] = module
    spec.loader.exec_module(module)
    yield module.CAUGHT_BY
    registry.restore(before)
    del sys.modules["broken_methods"]


@pytest.mark.parametrize("spec", DEFAULT_METHODS)
def test_built_in_methods_keep_the_contract(spec: str) -> None:
    records = check_method(spec)
    assert [record.name for record in records] == list(CHECKS)
    assert not [record for record in records if record.status == "failed"]
    skipped = {record.name for record in records if record.status == "skipped"}
    assert skipped <= {"fits_continuous"}, "a check that does not run checks nothing"


@pytest.mark.parametrize("name", ADVICE)
def test_broken_methods_are_caught(name: str, zoo: dict[str, str]) -> None:
    record = run_check(name, zoo[name])
    assert record.status == "failed"
    assert record.message.startswith(f"{name}: ")
    assert ADVICE[name] in record.message


def test_the_zoo_has_a_method_for_every_check(zoo: dict[str, str]) -> None:
    assert set(zoo.values()) == set(CHECKS)
    assert set(zoo) == set(ADVICE)


@pytest.mark.parametrize("name", ["broken-random", "broken-dtype", "broken-forgetful", "broken-mutates-z"])
def test_one_fault_fails_one_check(name: str, zoo: dict[str, str]) -> None:
    assert [record.name for record in check_method(name) if record.status == "failed"] == [zoo[name]]


def test_a_check_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(11)
    state = torch.get_rng_state()
    run_check("leace", "is_deterministic")
    assert torch.equal(torch.get_rng_state(), state)


def test_records_can_be_asked_for_one_by_one() -> None:
    assert [record.name for record in check_method("leace", ["keeps_dtype"])] == ["keeps_dtype"]
    with pytest.raises(ValueError, match="unknown check 'keep_dtype'; did you mean 'keeps_dtype'"):
        check_method("leace", ["keep_dtype"])


def test_a_class_stands_for_its_method() -> None:
    assert as_spec(get_method("leace").info.cls).name == "leace"
    with pytest.raises(MethodError, match=r"IdentityEdit is not registered; put @register"):
        check_method(IdentityEdit)
    with pytest.raises(MethodError, match="did you mean 'leace'"):
        check_method("leec")


def test_what_activations_cannot_check_is_skipped_with_the_reason() -> None:
    @register("on-bench", kind="eraser")
    class OnBench:
        def fit_on(self, bench: object, *, seed: int) -> None: ...

    @register("reads", kind="probe")
    class Reads:
        def fit(self, x: object, z: object, *, seed: int) -> None: ...

    for name, reason in (("on-bench", "needs a subject"), ("reads", "this is a probe")):
        records = check_method(name)
        assert {record.status for record in records} == {"skipped"}
        assert any(reason in record.message for record in records)


@parametrize_with_checks(
    ["leace", "inlp(rank=4)", "mean-projection"],
    expected_failed_checks=lambda method: {},
)
def test_parametrized_door(method, check) -> None:  # type: ignore[no-untyped-def]
    check(method)


class TestInheritedDoor(MethodTestCase):
    method = "sal(rank=1)"


DOORS = """
import pytest
from interpmark.methods import IdentityEdit, ConstantEdit, register
from interpmark.suite import MethodTestCase, parametrize_with_checks

@register("door", kind="eraser", claims={"guards-linearly"}, supports={"binary"})
class Door:
    def fit(self, x, z, *, seed):
        return IdentityEdit(x.shape[1])

@parametrize_with_checks([Door], expected_failed_checks=EXPECTED)
def test_door(method, check):
    check(method)

class TestDoor(MethodTestCase):
    method = Door
    expected_failed_checks = EXPECTED
"""


@pytest.mark.parametrize(
    ("expected", "outcomes"),
    [
        ({}, {"passed": 20, "skipped": 4, "failed": 2}),
        ({"keeps_claims": "known"}, {"passed": 20, "skipped": 4, "xfailed": 2}),
        ({"keeps_claims": "known", "keeps_dtype": "wrong"}, {"passed": 18, "skipped": 4, "xfailed": 2, "failed": 2}),
    ],
)
def test_doors_in_a_project_of_ones_own(
    pytester: pytest.Pytester, expected: dict[str, str], outcomes: dict[str, int]
) -> None:
    pytester.makepyfile(DOORS.replace("EXPECTED", repr(expected)))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-q")
    result.assert_outcomes(**outcomes)


def test_unknown_expected_check_is_an_error() -> None:
    with pytest.raises(ValueError, match="did you mean 'keeps_claims'"):
        parametrize_with_checks(["leace"], expected_failed_checks={"keep_claims": "why"})
    with pytest.raises(ValueError, match="did you mean 'keeps_claims'"):
        type("TestX", (MethodTestCase,), {"expected_failed_checks": {"keep_claims": "why"}})
