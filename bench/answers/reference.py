"""The answers of this machine to samples, given by a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench import writable
from bench.accuracy import lay_out
from bench.data import Split
from bench.errors import BuildError, DataError
from bench.metrics.reading import Array
from bench.targets import OutputForm
from bench.tflite.entries import entry_of
from bench.values import Variant
from bench.workers.client import Worker, WorkerEndedError, error_of
from bench.workers.interpreter import to_real


@dataclass(frozen=True, eq=False)
class Reference:
    """The answers of this machine.

    Attributes:
        inputs: as the file stores them, in its order.
        outputs: real values by name, in the order that the interpreter lists them.
        forms: of what a device writes, in the file's order.
        details: scale, zero point and type of each output, by name.
        at_once: samples of a batch that the file takes.
        any_batch: it takes any.
    """

    inputs: tuple[Array, ...]
    outputs: Mapping[str, Array]
    forms: tuple[OutputForm, ...]
    details: Mapping[str, Mapping[str, Any]]
    at_once: int
    any_batch: bool

    @property
    def least(self) -> int:
        """The batch that the file itself says."""
        return 1 if self.any_batch else self.at_once


def answer_here(variant: Variant, drawn: Split) -> Reference:
    """The answers of this machine to samples.

    Raises:
        BuildError, DataError, ModelError: it cannot answer them.
    """
    with writable.scratch_folder() as folder:
        lay_out(folder, drawn)
        arguments = [f"--model={variant.path}", f"--samples={folder}", f"--outputs={folder}"]
        if variant.signature is not None:
            arguments.append(f"--signature={variant.signature}")
        with Worker("bench.workers.reference", arguments) as worker:
            try:
                answer = worker.answer()
            except WorkerEndedError as fault:
                raise BuildError(
                    f"the interpreter ended {fault.how} while answering with {variant.name}",
                    hint="the file may be broken: build it again",
                ) from None
        if "reference" not in answer:
            raise error_of(answer)
        told = answer["reference"]
        stored = {name: np.load(folder / f"in.{i}.npy") for i, name in enumerate(told["inputs"])}
        details = {each["name"]: each for each in told["outputs"]}
        outputs = {name: np.load(folder / f"out.{i}.npy") for i, name in enumerate(details)}
    entry = entry_of(variant.path, variant.signature)
    forms = tuple(
        OutputForm(name, details[name]["dtype"], tuple(details[name]["shape"]))
        for name in entry.outputs_in_order()
    )
    if set(stored) != {each.name for each in variant.inputs}:
        raise DataError(
            f"the inputs of {variant.name} are {', '.join(stored)}", hint="measure it anew"
        )
    return Reference(
        inputs=tuple(stored[each.name] for each in variant.inputs),
        outputs=outputs,
        forms=forms,
        details=details,
        at_once=told["at_once"],
        any_batch=told["any_batch"],
    )


def to_real_values(values: Array, details: Mapping[str, Any]) -> Array:
    """A device's raw output as :attr:`Reference.outputs` hold them: quantization undone.

    Whole numbers that are no quantized ones are kept as they are.
    """
    if values.dtype.kind in "biu" and not details["scale"]:
        return values
    return to_real(values, {"quantization": (details["scale"], details["zero_point"])})
