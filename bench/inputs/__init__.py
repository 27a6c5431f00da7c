"""Fit samples to a model's inputs: the one place where names, shapes and types are held together.

Evaluation, calibration, training and launches all take what comes out of :func:`fit`: one array per
input, by the input's name and in the model's order, of shape (samples, …) as the input takes it. It
holds real values in whatever type they came in; :func:`cast` gives a batch the input's own type. A
model whose only axis is no batch, such as a sound's samples, has one more axis in its samples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench import plugins
from bench.data import Array, Data, Split, images
from bench.errors import DataError, ModelError
from bench.tflite.values import FileFacts, Port
from bench.values import Variant
from bench.workers.interpreter import choose_signature, to_input

Shape = tuple[int | None, ...]
"""Sizes, None where one is open."""

_CHANNELS = (1, 3, 4)


@dataclass(frozen=True)
class InputSpec:
    """What one input of a model takes.

    Attributes:
        name: as the model's signature calls it.
        shape: with its batch axis; None where a size is open.
        dtype: numpy's name of it.
        tensor: name of its tensor in a .tflite; as good as ``name`` for samples.
        scale: of a quantized input, whose real values are ``scale * (stored - zero_point)``.
        zero_point: as above.
        file_shape: as :attr:`shape`, with what the file itself says where a size is open.
    """

    name: str
    shape: Shape
    dtype: str
    tensor: str = ""
    scale: float | None = None
    zero_point: int = 0
    file_shape: tuple[int, ...] = ()

    @property
    def sample_shape(self) -> Shape:
        """The shape of one sample: all axes but the batch's."""
        return self.shape[1:]

    @property
    def is_open(self) -> bool:
        """Whether a size of one sample is open. A lone axis may be one: a sound of any length."""
        return None in (self.sample_shape or self.shape)


def signature_of(variant: Variant, wanted: str | None) -> str | None:
    """The signature of a .tflite to be run; None where it has none.

    Args:
        variant: with the facts of its file.
        wanted: the key asked for, if any.

    Raises:
        ModelError: no such signature, or several and the user must choose.
    """
    known = tuple(_facts(variant).signatures)
    try:
        return choose_signature(known, wanted)
    except ValueError as fault:
        raise ModelError(f"{variant.name}: {fault}", hint=_choose(known)) from fault


def _choose(keys: Sequence[str]) -> str:
    return f"choose one: --signature {keys[0]}" if keys else "leave --signature out"


def specs_of(variant: Variant, signature: str | None) -> tuple[InputSpec, ...]:
    """The inputs of a .tflite's signature, or of its main subgraph, in the file's order."""
    facts = _facts(variant)
    return specs_of_ports(facts.inputs if signature is None else facts.signatures[signature].inputs)


def specs_of_ports(ports: Sequence[Port]) -> tuple[InputSpec, ...]:
    """What a .tflite's inputs take, in the file's order."""
    return tuple(_spec(each) for each in ports)


def _facts(variant: Variant) -> FileFacts:
    if variant.facts is None:
        raise ModelError(f"nothing is known of {variant.name}", hint="build it again")
    return variant.facts


def _spec(port: Port) -> InputSpec:
    # Older files have no signature of their shapes: nothing is open there.
    sizes = port.shape_signature or port.shape
    return InputSpec(
        name=port.name,
        shape=tuple(None if size < 0 else size for size in sizes),
        dtype=port.dtype,
        tensor=port.tensor or port.name,
        scale=port.scale,
        zero_point=port.zero_point or 0,
        file_shape=port.shape,
    )


def fit(data: Data, specs: Sequence[InputSpec]) -> Data:
    """The samples as the model's inputs take them, under the inputs' names and in their order.

    Axes of one are added and dropped at the end where that makes them fit. Values stored as a
    quantized input stores them become real ones. Pictures are read at the input's size. Nothing
    else is changed: what does not fit is refused.

    Raises:
        DataError: wrong names, shapes or types, with a hint.
    """
    fitted = {name: _fit_split(f"x_{name}", split, specs) for name, split in data.splits.items()}
    return replace(data, splits=fitted)


def cast(values: Array, spec: InputSpec) -> Array:
    """Real values of :func:`fit` in the type of a model's input that is not quantized.

    Raises:
        ValueError: the input takes whole numbers of a type that does not hold these.
    """
    return to_input(values, {"dtype": spec.dtype, "quantization": (0.0, 0)})


def cast_split(split: Split, specs: Sequence[InputSpec]) -> Split:
    """A split of :func:`fit` in the types of a model's inputs; as it is without specs."""
    if not specs:
        return split
    return replace(split, x={spec.name: cast(split.x[spec.name], spec) for spec in specs})


def _fit_split(key: str, split: Split, specs: Sequence[InputSpec]) -> Split:
    given = _by_name(key, split.x, specs)
    x = {}
    for spec in specs:
        name, values = given[spec.name]
        where = f"{key}:{name}" if name else key
        if values.dtype.kind == "U":
            values = _read_pictures(where, values, spec)
        values = _fit_shape(where, values, spec)
        x[spec.name] = _fit_values(where, values, spec)
    return replace(split, x=x)


def _by_name(
    key: str, x: Mapping[str, Array], specs: Sequence[InputSpec]
) -> dict[str, tuple[str, Array]]:
    """Each input's name to the samples for it, with the name that these were given under."""
    if set(x) == {""} and len(specs) == 1:
        return {specs[0].name: ("", x[""])}
    known = {alias: spec.name for spec in specs for alias in _aliases(spec)}
    strangers = [name for name in x if name not in known]
    inputs = [spec.name for spec in specs]
    if strangers:
        given = ", ".join(repr(f"{key}:{name}" if name else key) for name in strangers)
        hint = plugins.nearest(strangers[0], inputs)
        if "" in strangers:
            hint = f"give one array for each: {', '.join(f'{key}:{name}' for name in inputs)}"
        raise DataError(
            f"{given} is for none of them: the model's inputs are {', '.join(inputs)}", hint=hint
        )
    found = {known[name]: (name, values) for name, values in x.items()}
    missing = [name for name in inputs if name not in found]
    if missing:
        raise DataError(
            f"no samples for the model's input {missing[0]}", hint=f"add {key}:{missing[0]}"
        )
    return found


def _aliases(spec: InputSpec) -> tuple[str, ...]:
    """What an input may be called: as its signature does, or as its tensor is."""
    return (spec.name, spec.tensor) if spec.tensor else (spec.name,)


def matches(given: Sequence[int], wanted: Shape) -> bool:
    """Whether sizes are those wanted; an open one may be any."""
    return len(given) == len(wanted) and all(
        w in (None, g) for g, w in zip(given, wanted, strict=True)
    )


def _fit_shape(where: str, values: Array, spec: InputSpec) -> Array:
    """The samples with axes of one added or dropped, where that makes them fit."""
    given, wanted = values.shape[1:], spec.sample_shape
    if spec.shape and matches(given, wanted):
        return values
    if wanted and wanted[-1] == 1 and matches(given, wanted[:-1]):
        return values[..., np.newaxis]
    if given and given[-1] == 1 and matches(given[:-1], wanted):
        return values[..., 0]
    if given and given[0] == 1 and matches(given[1:], wanted):
        return values[:, 0]  # each sample with a batch of one
    if len(spec.shape) == 1 and matches(given, spec.shape):
        return values  # a model without a batch axis: each sample is all that it takes
    raise DataError(
        f"{where} has samples of shape {show(given)}, and the model's input {spec.name} takes "
        f"{show(wanted)}",
        hint=_shape_advice(where, given, wanted),
    )


def _shape_advice(where: str, given: Sequence[int], wanted: Shape) -> str:
    array = where.partition(":")[0]
    if len(given) == len(wanted) + 1 and matches(given[1:], wanted):
        return "these are batches: join them with np.concatenate"
    if len(given) == len(wanted) == 3 and (hint := _picture_hint(array, given, wanted)):
        return hint
    if None not in wanted and math.prod(given) == math.prod(size or 0 for size in wanted):
        return f"reshape them: {array}.reshape{(-1, *wanted)}"
    return "the first axis counts the samples, the others are as the model's input takes them"


def _picture_hint(array: str, given: Sequence[int], wanted: Shape) -> str:
    """What to do with three axes; empty where it is not clear."""
    if matches((given[1], given[2], given[0]), wanted):
        return f"they are channels first: np.moveaxis({array}, 1, -1)"
    if matches((given[2], given[0], given[1]), wanted):
        return f"the model takes channels first: np.moveaxis({array}, -1, 1)"
    if {given[-1], wanted[-1]} == {1, 3}:
        return "turn them into grey or coloured ones, whichever the model takes"
    if given[-1] == wanted[-1] or given[0] == wanted[0]:
        return "bring them to that size; a folder of pictures (--data DIR) is resized"
    return ""


def _fit_values(where: str, values: Array, spec: InputSpec) -> Array:
    """Real values that the input's type can hold."""
    dtype = np.dtype(spec.dtype) if spec.dtype != "string" else np.dtype(object)
    if dtype.kind not in "biufc":
        raise DataError(
            f"the model's input {spec.name} takes {spec.dtype}, and {where} holds numbers",
            hint="leave the samples out",
        )
    if spec.scale and values.dtype == dtype:
        real = values.astype(np.float32)
        real -= np.float32(spec.zero_point)
        real *= np.float32(spec.scale)
        return real
    if dtype.kind == "b" or (dtype.kind in "iu" and not spec.scale):
        _check_whole(where, values, spec, dtype)
    return values


def _check_whole(where: str, values: Array, spec: InputSpec, dtype: np.dtype[Any]) -> None:
    """See that an input of whole numbers can hold them."""
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    takes = f"the model's input {spec.name} takes {spec.dtype}"
    if values.dtype.kind == "f":
        whole = np.rint(values) == values
        if not whole.all():
            example = float(values[~whole].ravel()[0])
            raise DataError(
                f"{where} holds fractions such as {example:.3g}, and {takes}",
                hint="give them as they were before they were scaled",
            )
    least, most = values.min(), values.max()
    if least < low or most > high:
        raise DataError(
            f"{where} holds {least if least < low else most}, and {takes}",
            hint=f"give values from {low} to {high}",
        )


def _read_pictures(where: str, paths: Array, spec: InputSpec) -> Array:
    """Pictures at the input's size, channels where it takes them."""
    wanted = spec.sample_shape if len(spec.sample_shape) != 2 else (*spec.sample_shape, 1)
    channels_first = len(wanted) == 3 and wanted[-1] not in _CHANNELS and wanted[0] in _CHANNELS
    height, width, channels = wanted[-2:] + wanted[:1] if channels_first else (*wanted, 0, 0, 0)[:3]
    if len(wanted) != 3 or channels not in _CHANNELS:
        raise DataError(
            f"{where} are pictures, and the model's input {spec.name} takes "
            f"{show(spec.sample_shape)}",
            hint="pictures are for inputs of (height, width, channels)",
        )
    if height is None or width is None:
        own = images.common_size(paths)
        if own is None:
            raise DataError(
                f"{where} are pictures of several sizes, and the model's input {spec.name} takes "
                f"any",
                hint="bring them to one size",
            )
        height, width = height or own[0], width or own[1]
    read = images.read(paths, height, width, channels)
    return np.moveaxis(read, -1, 1) if channels_first else read


def show(shape: Shape | Sequence[int]) -> str:
    """``(28, 28, 1)``, with a question mark for what is open."""
    sizes = ", ".join("?" if size is None else str(size) for size in shape)
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"
