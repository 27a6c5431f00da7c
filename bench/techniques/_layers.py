"""Which layers a step works on: the ``layers=`` option. No TensorFlow here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bench import plugins
from bench.errors import BuildError


@dataclass(frozen=True)
class LayerInfo:
    """What a layer is chosen by."""

    name: str
    type: str


@dataclass(frozen=True)
class Selection:
    """The layers a step works on, in the model's order.

    Attributes:
        chosen: names of the layers.
        skipped: layers with weights that the technique cannot handle, by name to type.
    """

    chosen: tuple[str, ...]
    skipped: tuple[LayerInfo, ...] = ()

    def describe_skipped(self) -> list[str]:
        """``name (Type)`` of each layer left alone, for the facts."""
        return [f"{layer.name} ({layer.type})" for layer in self.skipped]


def select(
    pattern: str | None, able: Sequence[LayerInfo], unable: Sequence[LayerInfo]
) -> Selection:
    """Choose layers by a text such as ``Dense``, ``conv_*,!conv_3`` or ``!first,!last``.

    Items are separated by commas. Each is a layer's name, a type, or a glob over both; ``first``
    and ``last`` are the outermost of the layers that the technique can handle. ``!`` excludes. With
    exclusions only, all other layers are meant.

    Args:
        pattern: the option's text; None means all.
        able: the layers that the technique can handle, in the model's order.
        unable: layers with weights that it cannot.

    Raises:
        BuildError: an item meets no layer, names one that cannot be handled, or nothing is left.
    """
    if pattern is None:
        if not able:
            raise BuildError(
                "the model has no layer that this technique can handle",
                hint=f"it has weights in {_types(unable) or 'no layer at all'}",
            )
        return Selection(tuple(layer.name for layer in able), tuple(unable))
    included: set[str] = set()
    excluded: set[str] = set()
    items = [item.strip() for item in pattern.split(",") if item.strip()]
    for item in items:
        names = _match(item.removeprefix("!"), able, unable)
        (excluded if item.startswith("!") else included).update(names)
    if all(item.startswith("!") for item in items):
        included = {layer.name for layer in able}
    chosen = tuple(layer.name for layer in able if layer.name in included - excluded)
    if not chosen:
        raise BuildError(
            f"layers={pattern} leaves no layer",
            hint=f"this technique can handle {', '.join(layer.name for layer in able) or 'none'}",
        )
    return Selection(chosen, tuple(unable))


def own_values(
    text: str | None, able: Sequence[LayerInfo], unable: Sequence[LayerInfo], *, option: str
) -> dict[str, str]:
    """Layers with a value of their own, of a text such as ``conv_1:0.3,Dense:0.8``.

    Args:
        text: items as ``select`` takes them, each with its value; of two that meet a layer the
            later one counts. None is no layer.
        able, unable: as for ``select``.
        option: what the text stands behind, for messages.

    Raises:
        BuildError: an item meets no layer, or one that cannot be handled.
    """
    found: dict[str, str] = {}
    for item in text.split(",") if text else ():
        pattern, _, value = item.rpartition(":")
        found.update(dict.fromkeys(_match(pattern, able, unable, option), value))
    return found


def _match(
    item: str,
    able: Sequence[LayerInfo],
    unable: Sequence[LayerInfo],
    option: str = "layers",
) -> set[str]:
    """Names of the layers that one item means."""
    if item in ("first", "last") and not any(layer.name == item for layer in able):
        return {able[0 if item == "first" else -1].name} if able else set()
    names = {layer.name for layer in able if _meets(item, layer)}
    if names:
        return names
    refused = [layer for layer in unable if _meets(item, layer)]
    if refused:
        raise BuildError(
            f"{option}={item}: {refused[0].name} is a {refused[0].type}, which this technique "
            "cannot handle",
            hint=f"it can handle {_types(able) or 'no layer of this model'}",
        )
    known = sorted({layer.name for layer in able} | {layer.type for layer in able})
    raise BuildError(f"{option}={item} meets no layer", hint=plugins.nearest(item, known))


def _meets(item: str, layer: LayerInfo) -> bool:
    return fnmatchcase(layer.name, item) or fnmatchcase(layer.type, item)


def _types(layers: Sequence[LayerInfo]) -> str:
    return ", ".join(sorted({layer.type for layer in layers}))
