"""The commands by name. Each is a file of that name, and is imported when it is asked for.

A command's module offers ``DESCRIPTION`` (for its own help), ``add_arguments(parser)``, a frozen
dataclass ``Arguments`` whose fields are what can be typed, with their defaults, and
``carry_out(asked: Arguments) -> int``, which gives the exit code. What takes time to import it
imports in functions, so that its help comes at once.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import Any, NoReturn, TypeVar

Value = TypeVar("Value")

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "run": "build variants, measure them, show the table",
        "build": "build variants without measuring them",
        "search": "find the best variant within limits, with no recipe given",
        "sensitivity": "which layers mind being made smaller, one by one, untrained",
        "report": "show a saved run again, in any format",
        "recommend": "which variant of a saved run to ship, within limits",
        "compare": "what changed between two saved runs",
        "history": "one model over all its saved runs, with what changed",
        "parse": "what a benchmark_model log says",
        "doctor": "adb, the phones, benchmark_model: what is wrong, and what to do",
        "clean": "remove from phones what we pushed",
        "targets": "what launches can run on, and what to do where it is not ready",
        "techniques": "what recipes can be made of",
        "models": "the models that come along",
        "inspect": "what is in a .tflite file",
    }
)
"""Name to what it does, in the order of the help."""

FLAG_IS_NEAR = 0.7
"""How alike a flag must be to be meant: ``--`` alone makes any two rather alike."""


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with what was typed, and what is nearest to it."""

    def error(self, message: str) -> NoReturn:
        """Print the line, without the usage, and exit 2."""
        self.exit(2, f"bench: error: {message} (see {self.prog} --help)\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """As argparse does it, which names all choices and not the one that was meant."""
        if action.choices is not None and value not in action.choices:
            from bench.plugins import nearest

            what = f"no {self.prog} {value}"
            if action.option_strings:
                what = f"{action.option_strings[-1]} {value} is unknown"
            raise argparse.ArgumentError(
                None, f"{what}: {nearest(str(value), [str(each) for each in action.choices])}"
            )


class Command(_Parser):
    """One command's parser, which learns its arguments when it is asked for."""

    name = ""
    _filled = False

    def fill(self) -> Command:
        """Add the arguments, once."""
        if self.name and not self._filled:
            self._filled = True
            module = module_of(self.name)
            self.description = module.DESCRIPTION
            module.add_arguments(self)
        return self

    def parse_known_args(  # type: ignore[override]  # of its overloads one is ever called
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """As argparse does it, after the arguments were added; nothing may be left over."""
        self.fill()
        known, others = super().parse_known_args(args, namespace)
        if others:
            self.error(self._unknown(others[0]))
        return known, others

    def _unknown(self, word: str) -> str:
        """What is wrong with a word that is none of our arguments."""
        if not word.startswith("-"):
            return f"{word!r} is one argument too many"
        flag = word.partition("=")[0]
        flags = [text for text in self._option_string_actions if text.startswith("--")]
        near = difflib.get_close_matches(flag, flags, n=1, cutoff=FLAG_IS_NEAR)
        guess = f": did you mean {near[0]}?" if near else ""
        return f"{self.prog} has no flag {flag}{guess}"


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(
        prog="bench",
        description="Which optimised variant of my TFLite model should I ship, on this phone, "
        "and how sure are we?",
        epilog="bench COMMAND --help tells more about each.",
    )
    top.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    added = top.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True, parser_class=Command
    )
    for name, summary in COMMANDS.items():
        # What is not typed is not there: the defaults are those of the command's Arguments.
        command = added.add_parser(name, help=summary, argument_default=argparse.SUPPRESS)
        command.name = name
    return top


def commands(top: argparse.ArgumentParser) -> Mapping[str, Command]:
    """The parsers of all commands, by name."""
    (action,) = (a for a in top._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def module_of(command: str) -> ModuleType:
    """The module that carries a command out."""
    return importlib.import_module(f"bench.cli.{command}")


def value(kind: type[Value], typed: Mapping[str, Any]) -> Value:
    """What was typed as a frozen value; lists become tuples."""
    import dataclasses  # which is loaded by every command, and not for their list

    assert dataclasses.is_dataclass(kind)
    names = {each.name for each in dataclasses.fields(kind)}
    frozen = {k: tuple(v) if isinstance(v, list) else v for k, v in typed.items() if k in names}
    return kind(**frozen)


class _Version(argparse.Action):
    """Looks the version up only when asked: reading package metadata takes time."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        from bench.workers import version

        print(f"tflite-bench {version('tflite-bench') or 'from a checkout'}")
        parser.exit()
