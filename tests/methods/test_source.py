"""Methods from files and modules, and hashes that change exactly when the code does."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from interpmark.methods import MethodSourceError, available, get_method, load_method_source, registry, source

METHOD = '''
from interpmark.methods import AffineEdit, register

@register("mine", kind="eraser")
class Mine:
    """A method of one's own."""
    def __init__(self, strength=1.0):
        self.strength = strength
    def fit(self, x, z, *, seed):
        direction = x[z == 1].mean(0) - x[z == 0].mean(0)
        return AffineEdit.projection(direction, center=x.mean(0)).scaled(self.strength)
'''


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    methods, modules, path = dict(registry.registered()), set(sys.modules), list(sys.path)
    yield
    assert sys.path == path
    registry.restore(methods)
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


class TestFile:
    def test_ten_lines_are_a_method(self, tmp_path: Path) -> None:
        (info,) = load_method_source(write(tmp_path, METHOD))
        assert info.name == "mine"
        assert info in available()
        assert get_method("mine(strength=0.5)").build().strength == 0.5

    def test_loading_again_replaces(self, tmp_path: Path) -> None:
        (old,) = load_method_source(write(tmp_path, METHOD))
        (new,) = load_method_source(write(tmp_path, METHOD.replace("one's own", "mine alone")))
        assert (old.summary, get_method("mine").info.summary) == ("A method of one's own.", "A method of mine alone.")
        assert new is get_method("mine").info

    def test_another_file_may_not_take_the_name(self, tmp_path: Path) -> None:
        load_method_source(write(tmp_path, METHOD))
        with pytest.raises(MethodSourceError, match=r"'mine' is taken by .*Mine in .*mine.py; register Mine under"):
            load_method_source(write(tmp_path, METHOD, "other.py"))

    def test_two_of_one_name_in_a_file(self, tmp_path: Path) -> None:
        with pytest.raises(MethodSourceError, match=r"line 15: RegistrationError: the method name 'mine' is taken"):
            load_method_source(write(tmp_path, METHOD + METHOD.replace("class Mine", "class Other")))
        assert "mine" not in registry.registered()

    def test_may_import_its_neighbours(self, tmp_path: Path) -> None:
        write(tmp_path, "STRENGTH = 0.25\n", "neighbour_of_mine.py")
        text = METHOD.replace("strength=1.0", "strength=STRENGTH")
        load_method_source(write(tmp_path, "from neighbour_of_mine import STRENGTH\n" + text))
        assert get_method("mine").build().strength == 0.25

    def test_a_neighbour_of_the_same_name_elsewhere_is_another(self, tmp_path: Path) -> None:
        text = "from neighbour_of_mine import STRENGTH\n" + METHOD.replace("strength=1.0", "strength=STRENGTH")
        for folder, strength in (("a", 0.25), ("b", 0.75)):
            (tmp_path / folder).mkdir()
            write(tmp_path / folder, f"STRENGTH = {strength}\n", "neighbour_of_mine.py")
            load_method_source(write(tmp_path / folder, text.replace('"mine"', f'"mine-{folder}"')))
        assert [get_method(f"mine-{folder}").build().strength for folder in "ab"] == [0.25, 0.75]

    def test_a_neighbour_that_was_edited_is_read_again(self, tmp_path: Path) -> None:
        text = "from neighbour_of_mine import STRENGTH\n" + METHOD.replace("strength=1.0", "strength=STRENGTH")
        for strength in (0.25, 0.125):
            write(tmp_path, f"STRENGTH = {strength}\n", "neighbour_of_mine.py")
            load_method_source(write(tmp_path, text))
            assert get_method("mine").build().strength == strength

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "class Mine:\n  def fit(self, x, z, *, seed): ...\n",
                r'put @register\("my-method", kind="eraser"\) above the class Mine',
            ),
            ("x = 1\n", "registers no method; put @register"),
            ("def fit(:\n", "failed: line 1: SyntaxError"),
            (
                "\nimport no_such_module_at_all\n",
                "line 2: ModuleNotFoundError: No module named 'no_such_module_at_all'",
            ),
            ("raise SystemExit(3)\n", "line 1: SystemExit: 3"),
            (METHOD.replace('"eraser"', '"erasor"'), "did you mean 'eraser'"),
        ],
    )
    def test_what_is_wrong_with_a_file(self, text: str, message: str, tmp_path: Path) -> None:
        modules = set(sys.modules)
        with pytest.raises(MethodSourceError, match=message):
            load_method_source(write(tmp_path, text))
        assert not [m for m in set(sys.modules) - modules if m.startswith("interpmark_method_")]

    def test_a_failing_file_leaves_nothing_behind(self, tmp_path: Path) -> None:
        with pytest.raises(MethodSourceError, match="ZeroDivisionError"):
            load_method_source(write(tmp_path, METHOD + "1 / 0\n"))
        assert "mine" not in registry.registered()

    def test_missing_file_names_its_neighbour(self, tmp_path: Path) -> None:
        write(tmp_path, METHOD)
        with pytest.raises(MethodSourceError, match=r"there is no method file .*mien.py; did you mean 'mine.py'"):
            load_method_source(tmp_path / "mien.py")


class TestAttribute:
    def test_a_registered_class(self) -> None:
        (info,) = load_method_source("interpmark.methods.erasers.leace:Leace")
        assert info.name == "leace"

    @pytest.mark.parametrize(
        ("where", "message"),
        [
            ("interpmark.methods.erasers.leace:Leec", "has no 'Leec'; did you mean 'Leace'"),
            ("interpmark.methods.erasers.leace:LeaceFitter", "is no registered method; put @register"),
            ("no_such_module:Mine", "cannot import 'no_such_module'"),
            ("leace", "neither FILE.py nor module:Class"),
            ("a b:c", "neither FILE.py nor module:Class"),
        ],
    )
    def test_what_is_wrong(self, where: str, message: str) -> None:
        with pytest.raises(MethodSourceError, match=message):
            load_method_source(where)


class TestHash:
    @staticmethod
    def of(folder: Path, text: str, spec: str = "mine") -> str:
        load_method_source(write(folder, text))
        return get_method(spec).source_hash

    def test_same_code_same_hash_wherever_it_lies(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        first = self.of(tmp_path / "a", METHOD)
        registry.restore({k: v for k, v in registry.registered().items() if k != "mine"})
        assert self.of(tmp_path / "b", METHOD) == first

    def test_changes_with_the_code_and_the_parameters(self, tmp_path: Path) -> None:
        hashes = [
            self.of(tmp_path, METHOD),
            self.of(tmp_path, METHOD.replace("mean(0) - x", "mean(0) + x")),
            self.of(tmp_path, METHOD, "mine(strength=2)"),
        ]
        assert len(set(hashes)) == 3

    def test_default_said_aloud_is_no_other_method(self, tmp_path: Path) -> None:
        assert self.of(tmp_path, METHOD, "mine(strength=1)") == self.of(tmp_path, METHOD)

    def test_changes_with_a_neighbours_code(self, tmp_path: Path) -> None:
        text = "from neighbour_of_mine import STRENGTH\n" + METHOD
        write(tmp_path, "STRENGTH = 1\n", "neighbour_of_mine.py")
        first = self.of(tmp_path, text)
        write(tmp_path, "STRENGTH = 1 + 1\n", "neighbour_of_mine.py")
        assert get_method("mine").source_hash != first

    def test_changes_with_code_in_a_folder_beside_it(self, tmp_path: Path) -> None:
        (tmp_path / "library_of_mine").mkdir()
        text = METHOD.replace("strength=1.0", "strength=STRENGTH")
        write(tmp_path / "library_of_mine", "STRENGTH = 1\n", "numbers.py")
        first = self.of(tmp_path, "from library_of_mine.numbers import STRENGTH\n" + text)
        write(tmp_path / "library_of_mine", "STRENGTH = 1 + 1\n", "numbers.py")
        assert get_method("mine").source_hash != first

    def test_what_fit_imports_counts_before_it_has_run(self, tmp_path: Path) -> None:
        text = METHOD.replace("        direction", "        import later_of_mine\n        direction", 1)
        write(tmp_path, "", "later_of_mine.py")
        first = self.of(tmp_path, text)
        write(tmp_path, "import no_such_module_at_all\n", "later_of_mine.py")
        assert get_method("mine").source_hash != first

    def test_changes_with_the_other_modules_of_its_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = tmp_path / "package_of_mine"
        for folder in (package, package / "erasers", package / "linear"):
            folder.mkdir()
            write(folder, "", "__init__.py")
        text = METHOD.replace("strength=1.0", "strength=STRENGTH")
        write(package / "erasers", "from ..linear import algebra\nSTRENGTH = algebra.STRENGTH\n" + text)
        write(package / "linear", "from .deep import STRENGTH\n", "algebra.py")
        write(package / "linear", "STRENGTH = 1\n", "deep.py")
        write(package / "linear", "", "beside.py")
        monkeypatch.syspath_prepend(tmp_path)
        (info,) = load_method_source("package_of_mine.erasers.mine:Mine")
        names = {name for name in source._sources(info.cls) if not name.startswith("interpmark")}
        assert names == {
            "erasers/mine.py", "linear/__init__.py", "linear/algebra.py", "linear/deep.py"
        }  # fmt: skip
        first = get_method("mine").source_hash
        write(package / "linear", "STRENGTH = 1 + 1\n", "deep.py")
        assert get_method("mine").source_hash != first

    def test_the_packages_installed_beside_a_single_file_are_others(self, tmp_path: Path) -> None:
        folder = tmp_path / "site-packages"
        (folder / "another").mkdir(parents=True)
        write(folder / "another", "", "__init__.py")
        load_method_source(write(folder, "import another\n" + METHOD))
        names = {name for name in source._sources(get_method("mine").info.cls) if not name.startswith("interpmark")}
        assert names == {"mine.py"}

    @pytest.mark.parametrize(
        ("spec", "files", "others"),
        [
            (
                "leace",
                {"leace", "affine", "edits", "statistics", "whitening", "shrinkage", "labels"},
                {"inlp", "registry"},
            ),
            ("median-projection", {"median_projection", "mean_projection", "affine"}, {"leace", "shrinkage"}),
            ("inlp", {"inlp", "logistic"}, {"leace", "spec"}),
        ],
    )
    def test_is_of_the_files_that_a_method_uses(self, spec: str, files: set[str], others: set[str]) -> None:
        names = {name.rpartition(".")[2] for name in source._sources(get_method(spec).info.cls)}
        assert names >= files
        assert not names & others

    def test_a_plug_in_depends_on_the_files_behind_the_names_it_imports(self, tmp_path: Path) -> None:
        load_method_source(write(tmp_path, METHOD))
        names = set(source._sources(get_method("mine").info.cls))
        assert "interpmark.methods.affine" in names
        assert not {"interpmark.methods.erasers.leace", "interpmark.methods"} & names

    def test_follows_the_compared_method(self, tmp_path: Path) -> None:
        load_method_source(write(tmp_path, METHOD))
        first = get_method("random-matched(to=mine)").source_hash
        load_method_source(write(tmp_path, METHOD.replace("mean(0) - x", "mean(0) + x")))
        assert get_method("random-matched(to=mine)").source_hash != first

    def test_a_class_without_source_is_never_taken_for_another(self) -> None:
        scope: dict[str, object] = {"__name__": "typed_into_an_interpreter"}
        exec(METHOD, scope)
        assert get_method("mine").source_hash != get_method("mine").source_hash
