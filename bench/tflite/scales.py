"""Round the scales of a quantized .tflite to a few significant bits, so that it zips smaller.

A thin int8 model holds a scale of four bytes for each channel and one more for its bias, of which
hardly a bit is like another, and biases finer than its outputs can show: a fourth of its zipped
file. What is rounded, and how far answers may move:

- Kernels of many values get scales of ``FITTED_BITS`` bits, never smaller ones, and new integers:
  what they stand for moves by at most half a step, as when they were quantized.
- All other scales are rounded to the nearest of so many bits, and the integers stay, so that a
  clustered kernel keeps its few values: what they stand for moves by at most ``2 ** -bits`` of it.
- Biases are rounded to an eighth of their output's step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.errors import ModelError
from bench.tflite.reader import Array, Graph, Subgraph, Tensor, parse
from bench.tflite.rewrite import rewritten, stored_values

WITH_BIAS = {
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}
"""Places of input, kernel and bias, of ops whose bias has the product of the others' scales."""

BIASES = ("int32", "int64")

FITTED_BITS = 2
"""Significant bits of a kernel's scale where its integers follow: 1 or 1.5 times a power of two.
It costs 0.3 of its 8 bits, which zip away. 1 and 3 bits zip 1 to 4 % smaller and larger."""

MANY_VALUES = 64
"""A kernel of more different integers is not clustered, and may get others."""

BIAS_PARTS = 4
"""Into so many parts of the output's step a bias is rounded."""


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
    graph = parse(content)
    if scale_bits(graph) == 0:
        raise ModelError("nothing in the file is quantized", hint="leave scales out")
    biases = [list(_biases(subgraph)) for subgraph in graph.subgraphs]
    for subgraph, known in zip(graph.subgraphs, biases, strict=True):
        _refuse_others(subgraph, {bias.index for bias in known})
    used = Counter(tensor.buffer for each in graph.subgraphs for tensor in each.tensors)

    def change(model: Any) -> None:
        for subgraph, mine, known in zip(graph.subgraphs, model.subgraphs, biases, strict=True):
            fitted = set(_fitted(subgraph, used))
            for index in _rounded(subgraph):
                tensor = subgraph.tensors[index]
                if index in fitted:
                    scale, integers = _fit(tensor)
                    _store(model, tensor, integers)
                else:
                    assert tensor.quantization is not None  # _rounded() sees to it
                    scale = _of_bits(tensor.quantization.scale, bits)
                mine.tensors[index].quantization.scale = scale
            for bias in known:
                _rescale(model, subgraph, mine, bias)

    return rewritten(content, change)


@dataclass(frozen=True)
class _Bias:
    """A quantized bias, and the tensors of its op, by index."""

    index: int
    fed: int
    kernel: int
    output: int


def _of_bits(scales: Array, bits: int, whole: Callable[[Array], Array] = np.rint) -> Array:
    """Scales of so many significant bits; ``whole`` says which of them are taken."""
    mantissas, exponents = np.frexp(scales.astype(np.float64))
    rounded: Array = np.ldexp(whole(mantissas * 2**bits) / 2**bits, exponents)
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


def _fitted(subgraph: Subgraph, used: Mapping[int, int]) -> Iterator[int]:
    """Kernels whose integers may follow: of many values, and stored for nothing else.

    Args:
        used: how many tensors use a buffer.
    """
    for op in subgraph.operators:
        if op.type not in WITH_BIAS:
            continue
        index = op.inputs[WITH_BIAS[op.type][1]]
        tensor = subgraph.tensors[index]
        if tensor.dtype != "int8" or tensor.data is None or tensor.quantization is None:
            continue
        if used[tensor.buffer] > 1 or tensor.sparsity or tensor.quantization.zero_point.any():
            continue
        if len(np.unique(tensor.data)) > MANY_VALUES:
            yield index


def _fit(tensor: Tensor) -> tuple[Array, Array]:
    """The least scales of FITTED_BITS that hold a kernel, and its integers for them."""
    assert tensor.quantization is not None
    before = tensor.quantization.scale.astype(np.float64)
    integers = stored_values(tensor)
    along = tensor.quantization.dimension if before.size > 1 else None
    axes = tuple(axis for axis in range(integers.ndim) if axis != along)
    most = np.abs(integers.astype(np.float64)).max(axis=axes, keepdims=True)
    old = before.reshape(most.shape)
    least = np.maximum(most, 1) * old / np.iinfo(np.int8).max
    # What is such a scale already stays, though its product may be off by a last digit.
    new = _of_bits(least, FITTED_BITS, lambda mantissas: np.ceil(mantissas - 1e-6))
    moved = np.clip(np.rint(integers * (old / new)), -127, 127).astype(np.int8)
    return new.reshape(before.shape), moved


def _biases(subgraph: Subgraph) -> Iterator[_Bias]:
    """Each quantized bias with the tensors of its op."""
    for op in subgraph.operators:
        places = WITH_BIAS.get(op.type)
        if places is None or len(op.inputs) <= places[2] or op.inputs[places[2]] < 0:
            continue
        fed, kernel, bias = (op.inputs[place] for place in places)
        if _is_quantized_bias(subgraph.tensors[bias]):
            yield _Bias(bias, fed, kernel, op.outputs[0])


def _is_quantized_bias(tensor: Tensor) -> bool:
    quantization = tensor.quantization
    return tensor.dtype in BIASES and quantization is not None and quantization.scale.size > 0


def _refuse_others(subgraph: Subgraph, known: set[int]) -> None:
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


def _rescale(model: Any, subgraph: Subgraph, mine: Any, bias: _Bias) -> None:
    """Give a bias the product of its op's scales, and integers for about what they stood for."""
    before = subgraph.tensors[bias.index]
    assert before.quantization is not None
    scale = _product(mine.tensors[bias.fed], mine.tensors[bias.kernel])
    integers = stored_values(before).astype(np.float64)
    moved = integers * before.quantization.scale.astype(np.float64) / scale
    powers: Array | float = 1.0
    output = mine.tensors[bias.output].quantization
    if output is not None and output.scale is not None and len(output.scale) == 1:
        parts = float(output.scale[0]) / BIAS_PARTS / scale.astype(np.float64)
        powers = 2.0 ** np.floor(np.log2(np.maximum(parts, 1)))
    moved = np.rint(moved / powers) * powers
    limits = np.iinfo(before.dtype)
    found = mine.tensors[bias.index].quantization
    found.scale, found.zeroPoint = scale, np.zeros(scale.size, np.int64)
    _store(model, before, np.clip(moved, limits.min, limits.max).astype(before.dtype))


def _store(model: Any, tensor: Tensor, values: Array) -> None:
    model.buffers[tensor.buffer].data = np.frombuffer(values.tobytes(), np.uint8)


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1
