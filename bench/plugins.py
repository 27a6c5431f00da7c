"""Find techniques, targets, formats and models: our own files, and other packages' entry points."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType

from bench.errors import BenchError, UsageError

OFFERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "techniques": ("SUMMARY", "ARGUMENT", "OPTIONS", "check", "apply", "verify"),
        "targets": ("discover", "open"),
        "formats": ("SUFFIX", "render"),
        "models": ("SUMMARY", "FILES", "build", "data"),
    }
)
"""What a plugin's module must have at least; the packages' docstrings say what it means."""

_HERE = Path(__file__).parent


def folder(name: str) -> Path:
    """The folder of that name: inside the installed package, or beside it in a checkout.

    ``models`` and ``device_scripts`` lie at the top of a checkout and inside ``bench`` in a wheel.
    """
    inside = _HERE / name
    return inside if inside.is_dir() else _HERE.parent / name


@dataclass(frozen=True)
class Plugin:
    """Where a plugin comes from.

    Attributes:
        kind: ``techniques``, ``targets``, ``formats`` or ``models``.
        package: the distribution that brings it, with its version; empty for ours.
        entry: how it is imported, None for ours.
        hidden: another of that name goes before it, so that it cannot be used.
    """

    kind: str
    name: str
    package: str = ""
    entry: importlib.metadata.EntryPoint | None = None
    hidden: bool = False

    @property
    def origin(self) -> str:
        """For lists: ``built in``, or the package and its version."""
        return self.package or "built in"


@cache
def found(kind: str) -> tuple[Plugin, ...]:
    """All plugins of a kind by name: a file's name, or an entry point's of another package.

    Other packages declare them in the group ``tflite_bench.`` and the kind::

        [project.entry-points."tflite_bench.techniques"]
        halve = "my_package.halve"

    Ours go before those of other packages of the same name.
    """
    files = folder(kind).glob("*.py")
    ours = [Plugin(kind, file.stem) for file in files if not file.stem.startswith("_")]
    theirs = [
        Plugin(kind, entry.name, _package(entry), entry)
        for entry in importlib.metadata.entry_points(group=f"tflite_bench.{kind}")
    ]
    taken: set[str] = set()
    plugins = []
    for each in (*ours, *sorted(theirs, key=lambda plugin: plugin.package)):
        plugins.append(replace(each, hidden=each.name in taken))
        taken.add(each.name)
    return tuple(sorted(plugins, key=lambda plugin: (plugin.name, plugin.hidden)))


@cache
def names(kind: str) -> tuple[str, ...]:
    """The names of all plugins of a kind (``techniques``, ``targets``, ``formats``, ``models``)."""
    return tuple(plugin.name for plugin in found(kind) if not plugin.hidden)


def fingerprint(kind: str, name: str) -> str:
    """What changes when a plugin of another package does; empty for ours.

    What is kept in the cache is by it: another version of a technique builds another file.
    """
    plugin = _plugin(kind, name)
    if plugin.entry is None:
        return ""
    file = load(kind, name).__file__
    content = Path(file).read_bytes() if file else b""
    return f"{plugin.package} {hashlib.sha256(content).hexdigest()}"


def nearest(name: str, known: tuple[str, ...] | list[str]) -> str:
    """``did you mean 'x'?`` where something is near, and always the list of what there is."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"{guess}there is: {', '.join(sorted(known)) or 'none'}"


def load(kind: str, name: str, error: type[UsageError] = UsageError) -> ModuleType:
    """Import a plugin.

    Raises:
        UsageError: (or the given kind of it) no plugin has that name, or the one of another package
            cannot be imported or lacks what its kind must offer.
    """
    if name not in names(kind):
        raise error(f"no {kind[:-1]} is called {name!r}", hint=nearest(name, names(kind)))
    plugin = _plugin(kind, name)
    if plugin.entry is not None:
        return _load_entry(plugin, error)
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


def _plugin(kind: str, name: str) -> Plugin:
    return next(each for each in found(kind) if each.name == name and not each.hidden)


def _package(entry: importlib.metadata.EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown package"


def _load_entry(plugin: Plugin, error: type[UsageError]) -> ModuleType:
    assert plugin.entry is not None
    what = f"the {plugin.kind[:-1]} {plugin.name!r} of {plugin.package}"
    hint = f"update or uninstall {plugin.package.partition(' ')[0]}"
    try:
        module: ModuleType = plugin.entry.load()
    except Exception as fault:
        # Another package may raise anything while it is imported.
        raise error(f"{what} cannot be imported ({fault})", hint=hint) from fault
    missing = [name for name in OFFERS.get(plugin.kind, ()) if not hasattr(module, name)]
    if missing:
        raise error(f"{what} does not offer {', '.join(missing)}", hint=hint)
    return module


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
