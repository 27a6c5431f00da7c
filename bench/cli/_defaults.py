"""The user's own defaults: the table ``[tool.tflite-bench]`` of the pyproject.toml that is here.

::

    [tool.tflite-bench]            # flags of `bench run`, without --
    data = "samples.npz"
    target = ["adb"]
    until = "2%"

    [tool.tflite-bench.recipes]    # what -r may name; all of them where no -r is typed
    small = "channels:0.5,epochs=12+quantize:int8"

    [tool.tflite-bench.recommend]  # flags of another command
    max-loss = "1%"

What is typed goes before them. The file is looked for in the current folder alone. Flags that
another command shares with ``run`` (recipes, data and seed; options of targets) are its defaults
too.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import plugins
from bench.cli import _shared
from bench.cli._parser import COMMANDS, Command, module_of
from bench.errors import UsageError
from bench.toml_files import read_toml

FILE = "pyproject.toml"
RECIPES = "recipes"


def read(command: Command, typed: Mapping[str, Any]) -> dict[str, Any]:
    """What the table says for one command and was not typed, as its flags read it.

    Args:
        command: with its flags.
        typed: by argument; recipes that the table names are put in their place.

    Raises:
        UsageError: the file cannot be read, names a flag that no command has, or a value that the
            flag does not take.
    """
    table = _table()
    kind = module_of(command.name).Arguments
    values = {name: each for name, each in _values(command, table).items() if name not in typed}
    if not issubclass(kind, _shared.RecipeArguments):
        return values
    if "recipe" in typed:
        typed["recipe"][:] = _named(typed["recipe"], table)
    elif RECIPES in table or "recipe" in values:
        named = _named(values.get("recipe", ()), table)
        values["recipe"] = named
        if _is_ready(typed):
            del values["recipe"]
    return values


def _table() -> Mapping[str, Any]:
    path = Path(FILE)
    if not path.is_file():
        return {}
    table: Any = read_toml(path).get("tool", {}).get("tflite-bench", {})
    if not isinstance(table, Mapping):
        raise UsageError(f"{FILE}: tflite-bench is no table", hint="write [tool.tflite-bench]")
    return table


def _values(command: Command, table: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the flags of ``run`` that the command has too, and those of its own table."""
    flags = _flags(command)
    taken: dict[str, Any] = {}
    for key, given in table.items():
        if key == RECIPES or (key in COMMANDS and isinstance(given, Mapping)):
            continue
        _check_key("run", key, (RECIPES, *COMMANDS))
        if _name(key) in _fields(command.name, shared=command.name != "run"):
            taken |= _value(flags, key, given)
    own = table.get(command.name)
    for key, given in own.items() if isinstance(own, Mapping) else ():
        _check_key(command.name, key)
        taken |= _value(flags, key, given)
    return taken


def _named(typed: Sequence[str], table: Mapping[str, Any]) -> list[Any]:
    """Recipes with those that the table names in their place; all of the table's where none is."""
    from bench import recipes

    if RECIPES not in table:
        return list(typed)
    known = {each.name: each for each in recipes.from_table(FILE, table[RECIPES])}
    return [known.get(text, text) for text in typed] if typed else list(known.values())


def _is_ready(typed: Mapping[str, Any]) -> bool:
    """Whether the model is a ready file, which recipes are not for."""
    from bench.pipeline import prepare

    return prepare.tflite_paths(typed.get("models", typed.get("model"))) is not None


def _check_key(command: str, key: str, others: Sequence[str] = ()) -> None:
    names = _fields(command)
    if _name(key) not in names:
        known = tuple({*(name.replace("_", "-") for name in names), *others})
        raise UsageError(
            f"{FILE}: bench {command} has no flag --{key}", hint=plugins.nearest(key, known)
        )


def _name(key: str) -> str:
    return key.replace("-", "_")


def _fields(command: str, *, shared: bool = False) -> set[str]:
    """Names of a command's arguments, or of those alone that it shares with ``run``."""
    kind = module_of(command).Arguments
    if not shared:
        return {field.name for field in dataclasses.fields(kind)}
    kinds = [_shared.RecipeArguments, _shared.TargetArguments]
    return {f.name for each in kinds if issubclass(kind, each) for f in dataclasses.fields(each)}


def _flags(command: Command) -> Mapping[str, argparse.Action]:
    return {action.dest: action for action in command.fill()._actions if action.option_strings}


def _value(flags: Mapping[str, argparse.Action], key: str, given: Any) -> dict[str, Any]:
    name = _name(key)
    action = flags.get(name)
    if action is None:
        raise UsageError(f"{FILE}: {key} has no flag", hint="give it on the command line")
    if action.nargs == 0:
        if not isinstance(given, bool):
            raise UsageError(f"{FILE}: {key} = {given!r} is not true or false", hint="write true")
        return {name: given}
    if isinstance(action, argparse._AppendAction):
        if isinstance(given, Mapping):
            given = [f"{each}={value}" for each, value in given.items()]
        texts = given if isinstance(given, list) else [given]
        return {name: [_read(action, key, each) for each in texts]}
    return {name: _read(action, key, given)}


def _read(action: argparse.Action, key: str, given: Any) -> Any:
    """One value as the flag would read it."""
    hint = f"write it as behind --{key}, in quotes"
    if isinstance(given, (bool, list, Mapping)):
        raise UsageError(f"{FILE}: {key} = {given!r} is no value of --{key}", hint=hint)
    text = str(given)
    try:
        value = action.type(text) if callable(action.type) else text
    except (argparse.ArgumentTypeError, ValueError) as fault:
        raise UsageError(f"{FILE}: {key} = {given!r} ({fault})", hint=hint) from fault
    if action.choices is not None and value not in action.choices:
        known = tuple(map(str, action.choices))
        raise UsageError(f"{FILE}: {key} = {text!r} is unknown", hint=plugins.nearest(text, known))
    return value
