"""Round the scales of a quantized .tflite to a few significant bits, so that it zips smaller.

A thin int8 model holds a scale of four bytes for each channel and one more for its bias, of which
hardly a bit is like another: a fifth of its zipped file. Stored integers stay as they are; what
they stand for moves by at most ``2 ** -bits`` of itself, less than the step of eight bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.errors import ModelError
from bench.tflite.reader import Array, Graph, Subgraph, Tensor
from bench.tflite.rewrite import read, rewritten

WITH_BIAS = {
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}
"""Places of input, kernel and bias, of ops whose bias has the product of the others' scales."""

BIASES = ("int32", "int64")


def significant_bits(scales: Array) -> int:
    """The most binary digits that one of these float32 scales has, from 1 to 24."""
    mantissas, _ = np.frexp(scales[np.isfinite(scales) & (scales > 0)].astype(np.float64))
    whole = (mantissas * 2**24).astype(np.int64)
    return max((24 - _trailing_zeros(int(one)) for one in whole), default=1)


def scale_bits(graph: Graph) -> int:
    """The most significant bits of a scale in a file; those of biases, inputs and outputs aside.

    0 where nothing in it is quantized.
    """
    scales = [
        tensor.quantization.scale
        for subgraph in graph.subgraphs
        for index in _rounded(subgraph)
        if (tensor := subgraph.tensors[index]).quantization is not None
    ]
    return max(map(significant_bits, scales), default=0)


def round_scales(content: bytes, bits: int) -> bytes:
    """The same file with scales of so many significant bits.

    Scales that an input or output of the model has stay as they are: callers may know them. A
    bias has the product of its op's scales, as the runtime asks, and its integers follow.

    Args:
        content: bytes of an intact .tflite.
        bits: 4 to 24.

    Raises:
        ModelError: nothing in it is quantized, or an op keeps its bias in a way not known here.
    """
    graph = read(content)
    if scale_bits(graph) == 0:
        raise ModelError("nothing in the file is quantized", hint="leave scales out")
    biases = [dict(_biases(subgraph)) for subgraph in graph.subgraphs]
    for subgraph, known in zip(graph.subgraphs, biases, strict=True):
        _refuse_others(subgraph, known)

    def change(model: Any) -> None:
        for subgraph, mine, known in zip(graph.subgraphs, model.subgraphs, biases, strict=True):
            for index in _rounded(subgraph):
                found = mine.tensors[index].quantization
                found.scale = _nearest(subgraph.tensors[index].quantization.scale, bits)  # type: ignore[union-attr]  # _rounded() sees to it
            for index, (fed, kernel) in known.items():
                scale = _product(mine.tensors[fed], mine.tensors[kernel])
                _rescale(subgraph.tensors[index], mine.tensors[index], model, scale)

    return rewritten(content, change)


def _nearest(scales: Array, bits: int) -> Array:
    mantissas, exponents = np.frexp(scales.astype(np.float64))
    rounded: Array = np.ldexp(np.rint(mantissas * 2**bits) / 2**bits, exponents)
    return rounded.astype(np.float32)


def _rounded(subgraph: Subgraph) -> Iterator[int]:
    """Tensors whose scales are rounded: all but biases, and what equals an input's or output's.

    Ops such as RESHAPE ask for equal scales on both sides: equal ones stay equal.
    """
    ports = [subgraph.tensors[i] for i in (*subgraph.inputs, *subgraph.outputs) if i >= 0]
    kept = {p.quantization.scale.tobytes() for p in ports if p.quantization is not None}
    for index, tensor in enumerate(subgraph.tensors):
        quantization = tensor.quantization
        if quantization is None or not quantization.scale.size or tensor.dtype in BIASES:
            continue
        if quantization.scale.tobytes() not in kept:
            yield index


def _biases(subgraph: Subgraph) -> Iterator[tuple[int, tuple[int, int]]]:
    """Each quantized bias with the input and the kernel of its op."""
    for op in subgraph.operators:
        places = WITH_BIAS.get(op.type)
        if places is None or len(op.inputs) <= places[2] or op.inputs[places[2]] < 0:
            continue
        fed, kernel, bias = (op.inputs[place] for place in places)
        if _is_quantized_bias(subgraph.tensors[bias]):
            yield bias, (fed, kernel)


def _is_quantized_bias(tensor: Tensor) -> bool:
    quantization = tensor.quantization
    return tensor.dtype in BIASES and quantization is not None and quantization.scale.size > 0


def _refuse_others(subgraph: Subgraph, known: dict[int, tuple[int, int]]) -> None:
    """Raise where a scale depends on others in a way not known here, or a bias has two users."""
    users = [place for op in subgraph.operators for place in op.inputs]
    for index, tensor in enumerate(subgraph.tensors):
        if not _is_quantized_bias(tensor):
            continue
        if index not in known or users.count(index) > 1 or tensor.data is None:
            raise ModelError(
                f"the scales of {tensor.name or 'a tensor'} depend on others in a way not known",
                hint="leave scales out",
            )


def _product(fed: Any, kernel: Any) -> Array:
    """The scale of a bias, as runtimes reckon it."""
    first, second = (np.asarray(one.quantization.scale, np.float32) for one in (fed, kernel))
    product: Array = first[0] * second
    return product


def _rescale(before: Tensor, tensor: Any, model: Any, scale: Array) -> None:
    """Give a bias a scale, and the integers that stand for what they stood for."""
    assert before.data is not None
    assert before.quantization is not None
    kind = np.dtype(before.dtype)
    integers = np.frombuffer(before.data.tobytes(), kind).astype(np.float64)
    moved = np.rint(integers * before.quantization.scale.astype(np.float64) / scale)
    limits = np.iinfo(kind)
    tensor.quantization.scale = scale
    tensor.quantization.zeroPoint = np.zeros(scale.size, np.int64)
    moved = np.clip(moved, limits.min, limits.max).astype(kind)
    model.buffers[before.buffer].data = np.frombuffer(moved.tobytes(), np.uint8)


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1
