"""Find techniques, targets, formats and models: a file's name is the plugin's name."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from bench.errors import BenchError, UsageError

_HERE = Path(__file__).parent


def folder(name: str) -> Path:
    """The folder of that name: inside the installed package, or beside it in a checkout.

    ``models`` and ``device_scripts`` lie at the top of a checkout and inside ``bench`` in a wheel.
    """
    inside = _HERE / name
    return inside if inside.is_dir() else _HERE.parent / name


@cache
def names(kind: str) -> tuple[str, ...]:
    """The names of all plugins of a kind (``techniques``, ``targets``, ``formats``, ``models``)."""
    files = folder(kind).glob("*.py")
    return tuple(sorted(file.stem for file in files if not file.stem.startswith("_")))


def nearest(name: str, known: tuple[str, ...] | list[str]) -> str:
    """``did you mean 'x'?`` where something is near, and always the list of what there is."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"{guess}there is: {', '.join(sorted(known)) or 'none'}"


def load(kind: str, name: str, error: type[UsageError] = UsageError) -> ModuleType:
    """Import a plugin.

    Raises:
        UsageError: (or the given kind of it) no plugin has that name.
    """
    if name not in names(kind):
        raise error(f"no {kind[:-1]} is called {name!r}", hint=nearest(name, names(kind)))
    if (folder(kind) / "__init__.py").is_file():
        return importlib.import_module(f"bench.{kind}.{name}")
    return _load_file(f"bench_{kind}_{name}", folder(kind) / f"{name}.py")


def load_function(text: str, error: type[BenchError] = UsageError) -> object:
    """The object that ``package.module:function`` names.

    The current folder may hold the module, as with ``python -m``.

    Raises:
        UsageError: (or the given kind of it) the text or the module is not usable.
    """
    module_name, _, attribute = text.partition(":")
    hint = "write package.module:function, importable from the current folder"
    if not module_name or not attribute:
        raise error(f"{text!r} names no function", hint=hint)
    _let_current_folder_be_found()
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except Exception as fault:
        # A user's own module may raise anything while it is imported.
        raise error(f"cannot load {text!r} ({fault})", hint=hint) from fault


def module_files(name: str, error: type[BenchError] = UsageError) -> list[Path]:
    """The files of a module or package of the user's, which is not run for that.

    Raises:
        UsageError: (or the given kind of it) there is no such module.
    """
    _let_current_folder_be_found()
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        raise error(f"no module {name!r}", hint="name a module, importable from the current folder")
    if spec.submodule_search_locations:
        return sorted(Path(spec.origin).parent.rglob("*.py"))
    return [Path(spec.origin)]


def load_objects(name: str, error: type[BenchError] = UsageError) -> dict[str, object]:
    """Run a module of the user's: its public classes and functions by name.

    Raises:
        UsageError: (or the given kind of it) it cannot be imported.
    """
    _let_current_folder_be_found()
    try:
        module = importlib.import_module(name)
    except Exception as fault:  # A user's own module may raise anything while it is imported.
        raise error(f"cannot import {name!r} ({fault})", hint="import it by itself") from fault
    return {key: one for key, one in vars(module).items() if callable(one) and key[0] != "_"}


def _let_current_folder_be_found() -> None:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))


def _load_file(module_name: str, path: Path) -> ModuleType:
    """Import one file that is in no package, once."""
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    return module
