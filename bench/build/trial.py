"""Run a .tflite that was just made, once, on the local interpreter."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.workers.interpreter import LoadedModel, random_input, to_input

OPEN_SIZE = 32
"""What an open size is taken for where no sample tells it."""

BOUNDS = (0.0, 2.0)
"""Of random inputs: a whole number may be an index, which must be small."""


def answers(
    content: bytes, sample: Mapping[str, Any] | None = None, delegate: str | None = None
) -> dict[str, Any]:
    """What the file's main signature answers.

    Args:
        content: bytes of the file.
        sample: by input name, each with its batch axis, as real values; None draws one at random
            from a fixed seed.
        delegate: as :class:`bench.workers.interpreter.LoadedModel` takes it.

    Raises:
        RuntimeError, ValueError: the interpreter cannot load the file, or cannot run it so.
    """
    generator = np.random.default_rng(0)
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(content)
        file.flush()
        model = LoadedModel(file.name, threads=1, delegate=delegate)
        inputs = model.inputs()
        fed = None if sample is None else _fed(sample, inputs)
        for name, details in inputs.items():
            shape = _shape(details) if fed is None else fed[name].shape
            if tuple(shape) != tuple(details["shape"]):
                model.resize(name, tuple(shape))
        model.allocate()
        inputs = model.inputs()
        if fed is None:
            drawn = {name: random_input(one, generator, BOUNDS) for name, one in inputs.items()}
            model.feed(drawn)
        else:
            model.feed({name: to_input(fed[name], one) for name, one in inputs.items()})
        model.run()
        return model.answers()


def _fed(sample: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The sample under the inputs' names, as often as a fixed batch asks, without it where none is.

    Raises:
        ValueError: it is for other inputs.
    """
    if len(sample) == len(inputs) == 1:
        sample = dict(zip(inputs, sample.values(), strict=True))
    if sample.keys() != inputs.keys():
        raise ValueError(f"its inputs are called {', '.join(inputs)}, not {', '.join(sample)}")
    fed = {}
    for name, details in inputs.items():
        sizes = [int(size) for size in details["shape_signature"]]
        values = np.asarray(sample[name])
        if len(sizes) == values.ndim - 1:
            values = values[0]
        elif sizes and sizes[0] > 1:
            values = np.resize(values, (sizes[0], *values.shape[1:]))
        fed[name] = values
    return fed


def _shape(details: Mapping[str, Any]) -> tuple[int, ...]:
    """The input's shape, its open sizes filled in; one sample."""
    signature = details["shape_signature"]
    sizes = [int(size) for size in (signature if len(signature) else details["shape"])]
    return tuple(
        (OPEN_SIZE if place else 1) if size < 0 else size for place, size in enumerate(sizes)
    )
