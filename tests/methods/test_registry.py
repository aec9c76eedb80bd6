"""The registry says at registration what is wrong with a class, and how to mend it."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from interpmark.methods import (
    CLAIMS,
    DEFAULT_METHODS,
    KINDS,
    MethodWarning,
    RegistrationError,
    available,
    get_method,
    plugins,
    register,
    registry,
)


@pytest.fixture(autouse=True)
def clean_registry() -> Iterator[None]:
    before = dict(registry.registered())
    yield
    registry.restore(before)


class Good:
    """Do nothing much.

    At length.
    """

    def __init__(self, rank: int = 1, *, name: str = "a") -> None:
        self.rank, self.name = rank, name

    def fit(self, x: Any, z: Any, *, seed: int) -> None: ...


def test_what_is_registered_is_found_with_all_that_was_said() -> None:
    assert register("good", kind="eraser", claims={"affine"}, reference="a paper", oracle=True)(Good) is Good
    info = get_method("good").info
    assert info in available()
    assert (info.name, info.kind, info.claims, info.reference) == ("good", "eraser", {"affine"}, "a paper")
    assert (info.oracle, info.control, info.needs_bench, info.cls) == (True, False, False, Good)
    assert info.summary == "Do nothing much."
    assert dict(info.parameters) == {"rank": 1, "name": "a"}
    assert info.supports == {"binary", "multiclass", "continuous"}


class NoFit:
    def fitt(self, x: Any, z: Any, *, seed: int) -> None: ...


class NoSeed:
    def fit(self, x: Any, z: Any) -> None: ...


class ExtraArgument:
    def fit(self, x: Any, z: Any, model: Any, *, seed: int) -> None: ...


class WrongBench:
    def fit_on(self, *, seed: int) -> None: ...


class NoDefault:
    def __init__(self, rank: int) -> None: ...

    def fit(self, x: Any, z: Any, *, seed: int) -> None: ...


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (NoFit, r"NoFit has no fit; did you mean 'fitt'\? Define fit\(self, x, z, \*, seed\)"),
        (
            NoSeed,
            r"NoSeed.fit\(self.*cannot be called as fit\(x, z, seed=0\).*as fit\(self, x, z, \*, seed\)",
        ),
        (ExtraArgument, "missing a required argument: 'model'"),
        (WrongBench, r"Define it as fit_on\(self, bench, \*, seed\)"),
        (NoDefault, "'rank' of NoDefault needs a default"),
        (lambda x: x, "decorates a class"),
    ],
)
def test_a_class_that_cannot_be_a_method(cls: Any, message: str) -> None:
    with pytest.raises(RegistrationError, match=message):
        register("mine", kind="eraser")(cls)
    assert "mine" not in registry.registered()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "erasor"}, "unknown kind 'erasor'; did you mean 'eraser'"),
        ({"kind": "banana"}, r"unknown kind 'banana'\. Allowed: eraser, lens"),
        ({"claims": {"idempotant"}}, "unknown claims 'idempotant'; did you mean 'idempotent'"),
        ({"claims": "idempotent"}, r"write claims=\{'idempotent'\}"),
        ({"supports": {"binry"}}, "unknown supports 'binry'; did you mean 'binary'"),
        ({"name": "My Method"}, "'My Method' cannot be a method's name"),
        ({"name": "inlp(rank=3)"}, "cannot be a method's name"),
        ({"name": Good}, "takes the method's name first"),
    ],
)
def test_words_that_the_registry_does_not_know(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(RegistrationError, match=message):
        register(**{"name": "mine", "kind": "eraser", **arguments})(Good)


def test_a_name_that_is_taken() -> None:
    with pytest.raises(RegistrationError, match=r"'leace' is taken by interpmark\..*\.leace\.Leace in .*leace.py"):
        register("leace", kind="eraser")(Good)
    assert get_method("leace").info.cls is not Good


def test_a_notebook_cell_that_runs_again_replaces_its_class() -> None:
    register("good", kind="eraser")(Good)
    again = type("Good", (Good,), {"__qualname__": Good.__qualname__, "__module__": Good.__module__})
    register("good", kind="eraser")(again)
    assert get_method("good").info.cls is again


def test_static_fit_is_a_fit() -> None:
    class Static:
        @staticmethod
        def fit(x: Any, z: Any, *, seed: int) -> None: ...

    register("static", kind="eraser")(Static)


def test_fit_on_needs_the_bench() -> None:
    class OnBench:
        def fit_on(self, bench: Any, *, seed: int) -> None: ...

    register("on-bench", kind="eraser")(OnBench)
    assert get_method("on-bench").info.needs_bench


def test_default_methods_are_registered_and_canonical() -> None:
    assert [get_method(spec).name for spec in DEFAULT_METHODS] == list(DEFAULT_METHODS)
    assert {get_method(spec).info.name for spec in DEFAULT_METHODS} <= {
        info.name for info in available() if info.cls.__module__.startswith("interpmark.")
    }


def test_built_ins_say_what_they_are() -> None:
    for info in available():
        assert info.summary.endswith((".", "applied.")), info.name
        assert info.kind in KINDS
        assert info.reference or info.control, info.name
    controls = {info.name for info in available() if info.control}
    assert controls == {"identity", "random-direction", "random-matched", "full-ablation", "random-steering"}
    assert [info.name for info in available() if info.oracle] == ["oracle-leace"]


def test_listing_and_hashing_methods_needs_no_torch() -> None:
    code = (
        "import sys; from interpmark.methods import available, get_method, DEFAULT_METHODS\n"
        "for spec in DEFAULT_METHODS: get_method(spec).source_hash, get_method(spec).claims\n"
        "assert len(available()) >= 10\n"
        "heavy = {'torch._C', 'transformers', 'pandas', 'sklearn', 'scipy', 'datasets', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class TestPlugins:
    @pytest.fixture(autouse=True)
    def forget(self) -> Iterator[None]:
        plugins.load_plugins.cache_clear()
        yield
        plugins.load_plugins.cache_clear()

    def test_a_broken_one_is_a_warning_and_the_rest_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        points = [
            EntryPoint("broken", "no_such_package.methods", plugins.GROUP),
            EntryPoint("fine", "json:loads", plugins.GROUP),
        ]
        monkeypatch.setattr(plugins, "entry_points", lambda group: points if group == plugins.GROUP else [])
        with pytest.warns(MethodWarning, match=r"'broken' \(no_such_package.methods\) could not be loaded"):
            assert plugins.load_plugins() == ("broken",)
        assert get_method("leace").name == "leace"

    def test_one_that_registers_is_found_by_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Point:
            name, value = "mine", "mine:Mine"

            @staticmethod
            def load() -> None:
                register("from-a-package", kind="eraser")(Good)

        monkeypatch.setattr(plugins, "entry_points", lambda group: [Point])
        assert get_method("from-a-package").info.cls is Good


def test_claims_are_described() -> None:
    assert all(len(text) > 20 for text in CLAIMS.values())
