"""A float .tflite and the same file quantized: the one place that calls ``litert_quantizer``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BuildError, ModelError, root_of, telling_line
from bench.quantizer.schemes import USUAL, Algorithm, Wish
from bench.text import layer_of
from bench.tflite import reader
from bench.tflite.reader import Graph, Operator, Subgraph
from bench.workers import BUILD_LOG
from bench.workers.interpreter import Array, choose_signature

WITH_WEIGHTS = (
    *("CONV_2D", "FULLY_CONNECTED", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "BATCH_MATMUL"),
    "EMBEDDING_LOOKUP",
)
"""Ops whose weights the quantizer stores in fewer bits."""

IN_4_BITS = ("CONV_2D", "FULLY_CONNECTED")
"""Those of them that have a 4-bit form with any activations."""

HALVES = frozenset({"float16", "bfloat16"})
"""Types of weights that are unpacked when the file is loaded."""


@dataclass(frozen=True)
class Layer:
    """An op with weights.

    Attributes:
        scope: what the quantizer calls it: the names of its outputs.
        name: the layer's, as far as the file tells it.
        op: its type.
        elements: how many weights it has.
    """

    scope: str
    name: str
    op: str
    elements: int

    @property
    def takes_4_bits(self) -> bool:
        """Whether there is an op that computes with 4-bit weights of it."""
        return self.op in IN_4_BITS


@dataclass(frozen=True)
class Bits:
    """How one layer's weights are stored."""

    bits: int
    algorithm: Algorithm = USUAL


Assignment = Mapping[str, Bits]
"""A layer's scope to how it is stored; a layer left out is stored in 8 bits, by ``min-max``."""


class FloatFile:
    """A float .tflite, ready to be quantized again and again.

    Args:
        path: of the file.
        signature: key of the signature that is run; None is as ``choose_signature`` says.

    Raises:
        ModelError: it is quantized already, or has no signature.
    """

    def __init__(self, path: Path, signature: str | None) -> None:
        graph = reader.load(path)
        self.path = path
        self.layers = tuple(_layers(graph))
        self.signature = _signature(path, graph, signature)
        self._refuse_quantized(graph)
        self._ranges: dict[str, Any] | None = None

    def calibrate(self, wish: Wish, samples: Sequence[dict[str, Array]]) -> None:
        """Find the ranges of what flows between ops.

        Args:
            wish: whose activations are to be stored as integers.
            samples: batches by input, as the inputs take them.

        Raises:
            BuildError: the quantizer cannot run the file.
        """
        try:
            given = {self.signature: samples}
            self._ranges = self._quantizer(wish, {}).calibrate(given, num_threads=1)
        except Exception as fault:  # its own, numpy's and the interpreter's
            raise _refusal("calibrate", fault) from fault

    def quantized(self, wish: Wish, assignment: Assignment) -> bytes:
        """The file with its weights stored as assigned.

        Raises:
            BuildError: the quantizer refuses the model.
        """
        try:
            made = self._quantizer(wish, assignment).quantize(
                self._ranges, enable_progress_report=False
            )
        except Exception as fault:  # its own and numpy's
            raise _refusal("quantize", fault) from fault
        return bytes(made.quantized_model)

    def _quantizer(self, wish: Wish, assignment: Assignment) -> Any:
        from litert_quantizer import quantizer

        made = quantizer.Quantizer(str(self.path))
        made.load_quantization_recipe(_recipe(self.layers, wish, assignment))
        return made

    def _refuse_quantized(self, graph: Graph) -> None:
        tensors = [tensor for subgraph in graph.subgraphs for tensor in subgraph.tensors]
        found = {tensor.dtype for tensor in tensors} & HALVES
        for tensor in tensors:
            if tensor.quantization is not None and tensor.quantization.scale.size:
                found.add(tensor.dtype)
        if found:
            raise ModelError(
                f"{self.path} is quantized already ({', '.join(sorted(found))})",
                hint="give the float .tflite that it was made from",
            )


def _signature(path: Path, graph: Graph, wanted: str | None) -> str:
    try:
        key = choose_signature([each.key for each in graph.signatures], wanted)
    except ValueError as fault:
        raise ModelError(f"{path}: {fault}", hint="choose one with --signature") from fault
    if key is None:
        raise ModelError(
            f"{path} has no signature, by which the quantizer runs it",
            hint="convert the model again, with TensorFlow 2.5 or newer",
        )
    return key


def _layers(graph: Graph) -> Iterable[Layer]:
    for subgraph in graph.subgraphs:
        for op in subgraph.operators:
            elements = _weights(subgraph, op)
            if op.type in WITH_WEIGHTS and elements:
                names = [subgraph.tensors[index].name for index in op.outputs if index >= 0]
                yield Layer(
                    scope="".join(f"{name};" for name in names if name),
                    name=layer_of(names[0]),
                    op=op.type,
                    elements=elements,
                )


def _weights(subgraph: Subgraph, op: Operator) -> int:
    """Elements of the largest float constant that an op takes; its biases are smaller."""
    tensors = [subgraph.tensors[index] for index in op.inputs if index >= 0]
    stored = [one for one in tensors if one.data is not None and one.dtype == "float32"]
    return max((one.elements for one in stored if len(one.shape) > 1), default=0)


def _recipe(layers: Iterable[Layer], wish: Wish, assignment: Assignment) -> Any:
    """The quantizer's own recipe: every op, and then the layers that differ."""
    from litert_quantizer import algorithm_manager, qtyping, recipe_manager

    operation_of = qtyping.TFLOperationName
    known = algorithm_manager.AlgorithmName
    algorithms = {
        "min-max": known.MIN_MAX_UNIFORM_QUANT,
        "mse": known.MSE,
        "octav": known.OCTAV,
    }
    per_channel = qtyping.QuantGranularity.CHANNELWISE
    manager = recipe_manager.RecipeManager()

    def add(pattern: str, operation: Any, stored: Bits) -> None:
        algorithm = algorithms[stored.algorithm]
        if wish.scheme.activations is None:
            manager.add_weight_only_config(pattern, operation, stored.bits, per_channel, algorithm)
        else:
            manager.add_static_config(
                pattern,
                operation,
                wish.scheme.activations,
                stored.bits,
                per_channel,
                algorithm,
            )

    add(".*", operation_of.ALL_SUPPORTED, Bits(8))
    if wish.scheme.activations == 16 or wish.io == "float32":
        for port in (operation_of.INPUT, operation_of.OUTPUT):
            manager.add_quantization_config(".*", port, algorithm_key=known.NO_QUANTIZE)
    for layer in layers:
        if layer.scope in assignment:
            pattern = f"^{re.escape(layer.scope)}$"
            add(pattern, operation_of(layer.op), assignment[layer.scope])
    return manager.get_quantization_recipe()


def _refusal(what: str, fault: Exception) -> BuildError:
    return BuildError(
        f"the quantizer cannot {what} the model ({telling_line(root_of(fault))})",
        hint=f"try quantize:int8 by the converter; all of its words are in {BUILD_LOG}",
    )
