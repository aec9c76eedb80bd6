"""A spec is read safely, written canonically, and wrong ones say what is right."""

import keyword
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpmark.methods import SpecError, UnknownMethodError, get_method, register, registry
from interpmark.methods.spec import MethodSpec


@pytest.fixture(scope="module", autouse=True)
def everything_method() -> Iterator[None]:
    before = dict(registry.registered())

    @register("every-type", kind="eraser")
    @dataclass(frozen=True)
    class EveryType:
        count: int = 1
        rate: float = 0.5
        flag: bool = False
        word: str = "plain"
        maybe: int | None = None
        choice: Literal["red", "green"] = "red"
        anything: Any = ()

        def fit(self, x: Any, z: Any, *, seed: int) -> None: ...

    @register("picky", kind="eraser")
    class Picky:
        def __init__(self, rank=1):  # type: ignore[no-untyped-def]
            if rank > 3:
                raise RuntimeError("three at most")

        def fit(self, x: Any, z: Any, *, seed: int) -> None: ...

    @register("by-name", kind="eraser")
    class ByName:
        def __init__(self, *, rank: int = 1, rate: float = 0.5) -> None: ...

        def fit(self, x: Any, z: Any, *, seed: int) -> None: ...

    yield
    registry.restore(before)


@pytest.mark.parametrize(
    ("given_spec", "name"),
    [
        ("leace", "leace"),
        (" leace ( ) ", "leace"),
        ("leace(method=orth)", "leace(method=orth)"),
        ("leace(method='orth')", "leace(method=orth)"),
        ('leace(shrinkage=False, method="leace")', "leace"),
        ("leace(shrinkage=True,affine=False)", "leace(affine=False, shrinkage=True)"),
        ("inlp(rank=1)", "inlp"),
        ("inlp(weight_decay=1)", "inlp(weight_decay=1.0)"),
        ("inlp(weight_decay=1e-2, rank=8,)", "inlp(rank=8, weight_decay=0.01)"),
        ("random-matched(to=mean-projection)", "random-matched(to=mean-projection)"),
        ("random-matched(to='inlp(rank=4)')", "random-matched(to='inlp(rank=4)')"),
        ("sal(rank=None)", "sal"),
        ("inlp(4)", "inlp(rank=4)"),
        ("inlp(8, weight_decay=1e-2)", "inlp(rank=8, weight_decay=0.01)"),
        ("concept-scrubbing(random)", "concept-scrubbing(kind=random)"),
        ("concept-scrubbing(leace)", "concept-scrubbing"),
        ("every-type(maybe=-3, word='True')", "every-type(maybe=-3, word='True')"),
        ("every-type(anything=[1, 2])", "every-type(anything=[1, 2])"),
        ("every-type(word='else')", "every-type(word='else')"),
        ("every-type(word='resid_post.3')", "every-type(word='resid_post.3')"),
        ("every-type(word='v-')", "every-type(word='v-')"),
    ],
)
def test_canonical_name(given_spec: str, name: str) -> None:
    assert get_method(given_spec).name == str(get_method(given_spec)) == name
    assert get_method(name).name == name


words = st.text(max_size=8) | st.from_regex(r"[a-z_][a-z0-9_.-]{,5}", fullmatch=True) | st.sampled_from(keyword.kwlist)
finite = st.floats(allow_nan=False, allow_infinity=False)


@given(
    params=st.fixed_dictionaries(
        {},
        optional={
            "count": st.integers(),
            "rate": finite,
            "flag": st.booleans(),
            "word": words,
            "maybe": st.none() | st.integers(),
            "choice": st.sampled_from(["red", "green"]),
            "anything": st.none() | st.lists(st.integers() | words | st.booleans() | finite),
        },
    )
)
def test_name_of_a_spec_reads_back_to_the_same_method(params: dict[str, Any]) -> None:
    arguments = ", ".join(f"{key}={value!r}" for key, value in params.items())
    method = get_method(f"every-type({arguments})")
    assert get_method(method.name) == method
    built = method.build()
    assert all(getattr(built, key) == value for key, value in params.items())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("inlp(rnk=4)", r"inlp has no parameter 'rnk'; did you mean 'rank'\? inlp takes rank, weight_decay"),
        ("identity(rank=4)", "identity takes no parameters"),
        ("inlp(rank=four)", "rank must be a whole number, not 'four'"),
        ("inlp(rank=4.0)", "rank must be a whole number, not 4.0"),
        ("inlp(rank=True)", "rank must be a whole number, not True"),
        ("leace(shrinkage=1)", "shrinkage must be True or False, not 1"),
        ("leace(shrinkage=true)", "shrinkage must be True or False, not 'true'"),
        ("leace(method=ort)", "method must be 'leace' or 'orth', not 'ort'; did you mean 'orth'"),
        ("sal(rank=x)", "rank must be a whole number or None"),
        ("inlp(4, 1)", r"name every parameter but the first, 'rank': inlp\(rank=\.\.\., weight_decay=\.\.\.\)"),
        ("inlp(*[4])", "name every parameter"),
        ("inlp(4, rank=5)", "the parameter 'rank' is given twice"),
        ("inlp(four)", "rank must be a whole number, not 'four'"),
        ("leace(0.1)", "method must be 'leace' or 'orth', not 0.1"),
        ("identity(4)", "identity takes no parameters"),
        ("by-name(4)", r"name every parameter: by-name\(rank=\.\.\., rate=\.\.\.\)"),
        ("inlp(**{'rank': 4})", "name every parameter"),
        ("inlp(rank=4, rank=5)", "rank"),
        ("inlp(rank=)", "cannot read the arguments"),
        ("inlp(rank=4", "cannot read the method spec"),
        ("every-type(word=resid_post.3)", "cannot read the arguments.* in quotes"),
        ("inlp(rank=4))", "cannot read the"),
        ("inlp(rank=1).fit(x=2)", "cannot read the method spec"),
        ("inlp(weight_decay=1e999)", "finite real number"),
        ("every-type(rate=1j)", "finite real number"),
        ("inlp(rank=2**3)", r"is '2\*\*3', which is no literal"),
        ("every-type(word=f'{1}')", "no literal"),
        ("inlp(rank=__import__('os').getpid())", "no literal"),
        ("every-type(anything=open('/etc/passwd'))", "no literal"),
        ("picky(rank=4)", r"picky\(rank=4\): .*RuntimeError: three at most"),
        ("", "cannot read the method spec"),
        ("le ace", "cannot read the method spec"),
    ],
)
def test_wrong_specs(spec: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        get_method(spec)


def test_unknown_method_names_the_nearest_and_all() -> None:
    with pytest.raises(UnknownMethodError, match=r"unknown method 'leec'; did you mean 'leace'\? Registered: .*sal"):
        get_method("leec")


def test_claims_follow_the_parameters() -> None:
    assert "minimal-edit" in get_method("leace").claims
    assert "minimal-edit" not in get_method("leace(shrinkage=True)").claims
    assert "mean-preserving" not in get_method("leace(affine=False)").claims
    assert "orthogonal" in get_method("leace(method=orth)").claims


def test_default_parameters_claim_what_was_registered() -> None:
    for info in registry.registered().values():
        assert MethodSpec(info, {}).claims == info.claims, info.name
