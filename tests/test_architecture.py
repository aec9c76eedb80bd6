"""The rooms and their arrows: suite imports methods, fixtures and reports; none of those imports another, or suite."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("methods", "fixtures", "reports", "suite")
LEAVES = ROOMS[:3]
HEAVY = ("torch", "transformers", "pandas", "sklearn", "datasets")
SKIPPED = {"__pycache__", "build", "dist", "node_modules"}
# Written in two parts, so that this file does not hold what it forbids.
MACHINE_PATHS = re.compile(r"(?<![\w.~-])/" + r"(?:work/(?:main|shared|\.)|tmp/w\b)")


def package_of(path: Path) -> str:
    return ".".join(("interpmark", *path.relative_to(ROOT).parent.parts))


def imports(source: str, package: str) -> set[str]:
    """Absolute names of all that `source`, a module of `package`, imports, lazily or not."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in {"import_module", "load", "__import__"} and isinstance(node.args[0].value, str):
                found.add(node.args[0].value)
    return found


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def modules(room: str) -> Iterator[Path]:
    return (path for path in (ROOT / room).rglob("*.py") if not SKIPPED & set(path.parts))


def offenders(room: str, forbidden: tuple[str, ...]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(room)
        for name in sorted(imports(path.read_text("utf-8"), package_of(path)))
        if any(within(name, package) for package in forbidden)
    ]


def test_the_reader_of_imports_resolves_every_form():
    source = """
import interpmark.suite.cells as cells
from .. import methods
from ..reports.store import Store
from . import local
if TYPE_CHECKING:
    from interpmark.methods import Edit
def later():
    import torch.nn
torch = lazy_loader.load("torchvision")
other = importlib.import_module("interpmark.suite")
"""
    found = imports(source, "interpmark.fixtures")
    assert {"interpmark.suite.cells", "interpmark.methods", "interpmark.reports.store", "torch.nn"} <= found
    assert {"interpmark.fixtures.local", "interpmark.methods.Edit", "torchvision", "interpmark.suite"} <= found


@pytest.mark.parametrize("room", LEAVES)
def test_a_leaf_room_imports_no_other_room(room):
    assert list(modules(room)), f"{room} has no modules: the test looks in the wrong place"
    assert offenders(room, tuple(f"interpmark.{other}" for other in ROOMS if other != room)) == []


def test_reports_does_not_name_torch():
    assert offenders("reports", ("torch", "transformers")) == []


def loaded_after(statement: str) -> set[str]:
    """Which of HEAVY a fresh interpreter has really loaded after `statement`.

    A lazily loaded package is in sys.modules under its own name before it is used, but has no submodules there yet.
    """
    code = f"import sys\n{statement}\nprint(*{{name.split('.')[0] for name in sys.modules if '.' in name}})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT.anchor)
    return set(HEAVY) & set(out.stdout.split())


def test_loaded_after_sees_a_heavy_import():
    assert "pandas" in loaded_after("import pandas")


def test_importing_reports_leaves_torch_alone():
    assert "torch" not in loaded_after("import interpmark.reports")


@pytest.mark.parametrize("module", ["interpmark.methods", "interpmark.fixtures", "interpmark.suite.plugin"])
def test_the_light_path_loads_nothing_heavy(module):
    assert loaded_after(f"import {module}") == set()


def test_listing_fixtures_loads_nothing_heavy():
    statement = "import interpmark.fixtures as f; f.concept_names(); f.planted_names(); f.planted('planted-gaussian')"
    assert loaded_after(statement) == set()


def test_the_packages_listed_are_the_packages_in_the_tree():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    in_tree = [package_of(path) for room in ROOMS for path in modules(room) if path.name == "__init__.py"]
    assert sorted(listed) == sorted(in_tree)


def test_every_module_is_in_a_listed_package():
    bare = {str(path.parent.relative_to(ROOT)) for room in ROOMS for path in modules(room)}
    assert [folder for folder in sorted(bare) if not (ROOT / folder / "__init__.py").exists()] == []


def text_files() -> Iterator[tuple[Path, str]]:
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        ignored = any(p in SKIPPED or p.endswith(".egg-info") or (p.startswith(".") and p != ".ci") for p in parts)
        if path.is_file() and not ignored and path.stat().st_size < 5_000_000:
            try:
                yield path, path.read_text("utf-8")
            except UnicodeDecodeError:
                continue


def test_no_file_names_a_path_of_the_machine_it_was_written_on():
    assert MACHINE_PATHS.search("see /" + "work/main/x") and not MACHINE_PATHS.search("frame/work/mains")
    found = [str(path.relative_to(ROOT)) for path, text in text_files() if MACHINE_PATHS.search(text)]
    assert found == []
