"""Where a method's code lives: hashing it for cache keys, and loading it from a file or a module."""

import ast
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import ModuleType

from interpmark.methods import registry
from interpmark.methods.errors import MethodSourceError, did_you_mean
from interpmark.methods.registry import MethodInfo

_PACKAGE = "interpmark.methods"
# They name, check and find methods, but have no part in what a method computes: a change to them keeps cached results.
_NOT_COMPUTING = {f"{_PACKAGE}.{name}" for name in ("errors", "kinds", "registry", "source", "spec")} | {_PACKAGE}
_serial = count()
# Modules that method files have imported from beside them.
_beside: set[str] = set()


def load_method_source(where: str | os.PathLike[str]) -> list[MethodInfo]:
    """Load methods from `FILE.py`, or the one method `pkg.mod:attr`, and return what was registered.

    A file is executed under a module name of its own, with its folder importable while it runs; loading it again
    replaces its methods.

    Raises:
        MethodSourceError: The file or module is missing, fails when it runs, or registers nothing.

    """
    text = os.fspath(where)
    if text.endswith(".py") or Path(text).is_file():
        return _load_file(Path(text))
    module_name, colon, attribute = text.partition(":")
    if not colon or not attribute or not all(part.isidentifier() for part in module_name.split(".")):
        raise MethodSourceError(f"{text!r} is neither FILE.py nor module:Class; write my_methods.py or pkg.mod:Mine")
    return [_load_attribute(module_name, attribute)]


def source_hash(cls: type, extra: Iterable[str] = ()) -> str:
    """Return a sha256 (hex) of the source that a class's results depend on, and of `extra`.

    That is its own file, the files of this package that it imports, and the modules of its own package, or below the
    folder of a single file, transitively. A class whose source cannot be found gets a hash that nothing else has, so
    that its results are never reused.
    """
    digest = hashlib.sha256()
    for name, source in sorted(_sources(cls).items()):
        digest.update(f"{len(name)}:{name}{len(source)}:".encode() + source)
    digest.update("\0".join((cls.__qualname__, *extra)).encode())
    return digest.hexdigest()


def _sources(cls: type) -> dict[str, bytes]:
    """Return the source of each module that matters, by a name that does not depend on where it is installed."""
    file = registry.source_file(cls)
    if file is None:
        try:
            return {"": inspect.getsource(cls).encode()}
        except (OSError, TypeError):
            return {"": os.urandom(32)}
    home = _Home.of(cls.__module__, file)
    sources: dict[str, bytes] = {}
    todo, seen = [(cls.__module__, file)], {file}
    while todo:
        module, path = todo.pop()
        ours = module.startswith(f"{_PACKAGE}.")
        sources[module if ours else path.relative_to(home.folder).as_posix()] = path.read_bytes()
        for name in _imports(module, path):
            found = _built_in(name) if name.startswith("interpmark.") else home.find(name)
            if found is not None and found not in seen:
                seen.add(found)
                todo.append((name, found))
    return sources


def _built_in(name: str) -> Path | None:
    """Return the file of a module of this package that computes something."""
    if name in _NOT_COMPUTING or not name.startswith(f"{_PACKAGE}.") or name not in sys.modules:
        return None
    # past the module's own attribute access, which would import one that is loaded lazily
    return Path(str(ModuleType.__getattribute__(sys.modules[name], "__dict__").get("__file__"))).resolve()


@dataclass(frozen=True)
class _Home:
    """Where an author's own code lies: the folder of a single file, or that of its whole package.

    Modules are looked for by their path, loaded or not: what `fit` imports when it runs is in the hash from the start.
    """

    folder: Path
    prefix: str  # of the full names of the modules in the folder: "pkg." in a package, else nothing
    whole: bool  # whether folders below belong to it too

    @classmethod
    def of(cls, module: str, file: Path) -> "_Home":
        if "." not in module:
            # Beside a file among the installed packages lie the packages of others.
            return cls(file.parent, "", file.parent.name not in ("site-packages", "dist-packages"))
        package = module.partition(".")[0]
        for folder in getattr(sys.modules.get(package), "__path__", ()):
            if file.is_relative_to(Path(folder).resolve()):
                return cls(Path(folder).resolve(), f"{package}.", True)
        return cls(file.parent, module.rpartition(".")[0] + ".", True)

    def find(self, name: str) -> Path | None:
        """Return the file of a module, None when it is not one of the author's."""
        if not f"{name}.".startswith(self.prefix):
            return None
        parts = name[len(self.prefix) :].split(".") if len(name) >= len(self.prefix) else []
        if len(parts) > 1 and not self.whole:
            return None
        base = self.folder.joinpath(*parts)
        files = [base / "__init__.py"] if self.whole else []
        files += [base.with_name(f"{base.name}.py")] if parts else []
        return next((file for file in files if file.is_file()), None)


def _imports(module: str, path: Path) -> Iterator[str]:
    """Yield the full names of the modules that a module's text imports, anywhere in it."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # it was never imported: an alternative that is for another Python
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = importlib.util.resolve_name("." * node.level + base, package or module)
            yield base
            for alias in node.names:
                yield f"{base}.{alias.name}"
                if base.startswith(_PACKAGE):  # and elsewhere a look at a lazy module would import it
                    # `from interpmark.methods import AffineEdit` depends on the file that defines it
                    yield getattr(getattr(sys.modules.get(base), alias.name, None), "__module__", None) or base


def _load_file(path: Path) -> list[MethodInfo]:
    if not path.is_file():
        near = did_you_mean(path.name, [p.name for p in path.parent.glob("*.py")] if path.parent.is_dir() else [])
        raise MethodSourceError(f"there is no method file {path}{near} (looked in {path.parent.resolve()})")
    before = dict(registry.registered())
    module_name = f"interpmark_method_{next(_serial)}_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path.resolve())
    if spec is None or spec.loader is None:
        raise MethodSourceError(f"{path} is not a Python file; a method file ends in .py")
    module = importlib.util.module_from_spec(spec)
    home = _Home.of(module_name, path.resolve())
    # A neighbour of the same name, from another folder or from before it was edited, is not the one that is meant.
    for name in [name for name in _beside if home.find(name) is not None]:
        sys.modules.pop(name, None)
    there = {*sys.modules, module_name}
    sys.modules[module_name] = module
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        spec.loader.exec_module(module)
        found = [info for info in registry.registered().values() if info.cls.__module__ == module_name]
        if not found:
            raise MethodSourceError(_nothing_registered(path, module))
    except BaseException as error:
        registry.restore(before)
        del sys.modules[module_name]
        if isinstance(error, MethodSourceError) or not isinstance(error, Exception | SystemExit):
            raise
        raise MethodSourceError(f"the method file {path} failed: {_last_line(error, path)}") from error
    finally:
        sys.path.remove(folder)
        _beside.update(name for name in set(sys.modules) - there if home.find(name) is not None)
    return found


def _nothing_registered(path: Path, module: ModuleType) -> str:
    classes = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "fit")
    ]
    target = f"the class {classes[0]}" if classes else "a class with fit(self, x, z, *, seed)"
    return f'{path} registers no method; put @register("my-method", kind="eraser") above {target}'


def _last_line(error: BaseException, path: Path) -> str:
    """Return the error with the line of the author's file that it came from."""
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: SyntaxError: {error.msg}"
    own = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path.resolve()]
    line = f"line {own[-1].lineno}: " if own else ""
    return f"{line}{type(error).__name__}: {error}"


def _load_attribute(module_name: str, attribute: str) -> MethodInfo:
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise MethodSourceError(f"cannot import {module_name!r}: {type(error).__name__}: {error}") from error
    if not hasattr(module, attribute):
        raise MethodSourceError(
            f"the module {module_name!r} has no {attribute!r}{did_you_mean(attribute, dir(module))}"
        )
    cls = getattr(module, attribute)
    for info in registry.registered().values():
        if info.cls is cls:
            return info
    raise MethodSourceError(
        f'{module_name}:{attribute} is no registered method; put @register("my-method", kind="eraser") above the class'
    )
