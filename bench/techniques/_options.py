"""Read a step's argument and options, and write the step back in its canonical spelling.

Options that all techniques with fine-tuning share are described here once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from bench import plugins
from bench.errors import RecipeError
from bench.quantizer.schemes import wish_of
from bench.values import Step

Canonical = Callable[[str], str]
"""Turns an option's text into its canonical spelling, or raises ``RecipeError``."""

TRAINING_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "epochs": "passes over the training samples while fine-tuning",
        "lr": "learning rate of Adam at the start; it falls along a cosine",
        "batch": "samples per step",
        "distill": "weight of the float model's own answers in the loss, 0 to 1",
        "layers": "only these: names, types or globs, ! excludes, also first and last",
    }
)


def canonical(
    step: Step,
    argument: str | None,
    parsers: Mapping[str, Canonical],
    defaults: Mapping[str, str],
) -> Step:
    """The step with canonical values, in the order of the names, without those that are defaults.

    Raises:
        RecipeError: an option that the technique does not have, or out of range.
    """
    values: dict[str, str] = {}
    for key, text in step.options:
        if key not in parsers:
            raise RecipeError(
                f"{step.technique} has no option {key!r}", hint=plugins.nearest(key, list(parsers))
            )
        values[key] = parsers[key](text)
    kept = {key: value for key, value in values.items() if defaults.get(key) != value}
    return Step(step.technique, argument, tuple(sorted(kept.items())))


def chosen(step: Step, defaults: Mapping[str, str]) -> dict[str, str]:
    """All options with their values: those given, over the defaults."""
    return {**defaults, **dict(step.options)}


def whole(name: str, low: int, high: int = 10**9) -> Canonical:
    """A whole number within ``[low, high]``."""

    def parse(text: str) -> str:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise RecipeError(f"{name}={text} is no whole number from {low}", hint=f"try {low}")
        return str(value)

    return parse


def real(name: str, low: float, high: float, *, open_low: bool = False) -> Canonical:
    """A number within ``[low, high]``, or ``(low, high]``."""

    def parse(text: str) -> str:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not (low < value <= high or (value == low and not open_low)):
            least = "more than" if open_low else "at least"
            raise RecipeError(
                f"{name}={text} is out of range", hint=f"give {least} {low:g}, at most {high:g}"
            )
        return f"{value:g}"

    return parse


def fraction(step: Step, *, allow_zero: bool = True) -> str:
    """The argument as a fraction within [0, 1), such as ``0.8``.

    Raises:
        RecipeError: missing, not a number, or out of range.
    """
    try:
        value = float(step.argument or "nan")
    except ValueError:
        value = float("nan")
    if not 0 <= value < 1 or (value == 0 and not allow_zero):
        raise RecipeError(
            f"{step} needs a fraction from 0 up to, not including, 1",
            hint=f"write {step.technique}:0.5 for half",
        )
    return f"{value:g}"


def part(name: str) -> Canonical:
    """A fraction within [0, 1)."""

    def parse(text: str) -> str:
        value = real(name, 0, 1)(text)
        if float(value) == 1:
            raise RecipeError(f"{name}={text} leaves nothing", hint="give less than 1")
        return value

    return parse


def choice(name: str, known: Sequence[str]) -> Canonical:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in known:
            raise RecipeError(f"{name}={text} is unknown", hint=plugins.nearest(text, list(known)))
        return text

    return parse


def text_of(name: str) -> Canonical:
    """Any text that is not empty, without blanks around it."""

    def parse(text: str) -> str:
        if not text.strip():
            raise RecipeError(f"{name}= is empty", hint=f"give {name} a value or leave it out")
        return text.strip()

    return parse


def by_layer(name: str, parse_value: Canonical) -> Canonical:
    """``LAYER:VALUE`` behind commas: layers with a value of their own, the later item wins."""

    def parse(text: str) -> str:
        items = []
        for item in text.split(","):
            pattern, colon, value = item.strip().rpartition(":")
            if not colon or not pattern.strip() or not value.strip():
                raise RecipeError(
                    f"{name}={text}: {item.strip()!r} has no value",
                    hint=f"write {name}=LAYER:VALUE, and more behind commas",
                )
            items.append(f"{pattern.strip()}:{parse_value(value.strip())}")
        return ",".join(items)

    return parse


def no_argument(step: Step) -> None:
    """Raise where a technique without argument was given one.

    Raises:
        RecipeError: there is one.
    """
    if step.argument is not None:
        raise RecipeError(
            f"{step.technique} takes no argument, got {step.argument!r}",
            hint=f"write {step.technique}, and options behind commas",
        )


def finishing(step: Step, earlier: Sequence[Step]) -> Step:
    """The step as it is, of a technique that rewrites the finished file.

    Raises:
        RecipeError: an argument, a second one, or a file that is not the converter's.
    """
    no_argument(step)
    if any(other.technique == step.technique for other in earlier):
        raise RecipeError(f"{step} is there twice", hint="leave one of them out")
    for other in earlier:
        if other.technique == "quantize" and wish_of(other) is not None:
            raise RecipeError(
                f"{step} cannot follow {other}: it rewrites what the converter made, not what the "
                "quantizer made of that",
                hint=f"leave {step} out, or use quantize:int8",
            )
    return step


def training_parsers() -> dict[str, Canonical]:
    """Parsers of :data:`TRAINING_OPTIONS`."""
    return {
        "epochs": whole("epochs", 0, 10_000),
        "lr": real("lr", 0, 10, open_low=True),
        "batch": whole("batch", 1, 1_000_000),
        "distill": real("distill", 0, 1),
        "layers": text_of("layers"),
    }


def refuse_after(step: Step, earlier: Sequence[Step], reasons: Mapping[str, str]) -> None:
    """Raise where an earlier step makes this one impossible.

    Args:
        step: the step that is being checked.
        earlier: the steps before it.
        reasons: technique to the reason why this step cannot follow it.

    Raises:
        RecipeError: with the reason, and the order that works.
    """
    for other in earlier:
        if other.technique in reasons:
            raise RecipeError(
                f"{step.technique} cannot follow {other.technique}: {reasons[other.technique]}",
                hint=f"write {step.technique} before {other.technique}",
            )


AFTER_CONVERSION: Mapping[str, str] = MappingProxyType(
    {
        "quantize": "quantize is done by the converter, when all training is over",
        "qat": "what qat trained for would no longer be the model that is converted",
        "sparse": "sparse rewrites the finished file",
        "scales": "scales rewrites the finished file",
        "strip": "strip rewrites the finished file",
    }
)
"""Why nothing that changes weights may follow these steps."""
