"""The weights of a model's kernels as dense arrays, and what can be counted in them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.errors import ModelError
from bench.tflite.reader import BITS, Array, Graph, Operator, Sparsity, Subgraph, Tensor

KERNELS: Mapping[str, tuple[tuple[int, ...], int]] = {
    "CONV_2D": ((1,), 0),
    "DEPTHWISE_CONV_2D": ((1,), 3),
    "FULLY_CONNECTED": ((1,), 0),
    "TRANSPOSE_CONV": ((1,), 0),
    "CONV_3D": ((1,), 4),
    "CONV_3D_TRANSPOSE": ((1,), 3),
    "BATCH_MATMUL": ((0, 1), -1),
    "EMBEDDING_LOOKUP": ((1,), 0),
    "GATHER": ((0,), 0),
    "SVDF": ((1, 2), 0),
    "RNN": ((1, 2), 0),
    "UNIDIRECTIONAL_SEQUENCE_RNN": ((1, 2), 0),
    "LSTM": ((*range(1, 9), 16), 0),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ((*range(1, 9), 16), 0),
    "BIDIRECTIONAL_SEQUENCE_LSTM": ((*range(1, 9), 16, *range(18, 26), 33), 0),
}
"""Ops with kernels: which inputs are the weights, and along which axis the output channels lie."""

_UNPACKING = {"DEQUANTIZE", "DENSIFY"}  # between a stored constant and the op that uses it
_MAX_DENSE_ELEMENTS = 2**25  # what a sparse tensor may unfold to
_CHUNK = 2**20  # elements at a time, where a temporary is eight times as large as its source


@dataclass(frozen=True, eq=False)
class WeightTensor:
    """The weights of one kernel, as the file stores them.

    Attributes:
        name: the tensor's name as the converter left it.
        op: type of the op that uses it, such as ``CONV_2D``.
        dtype: stored type, such as ``int4`` (its ``values`` are unpacked to int8).
        values: dense array in the layout of TFLite: CONV_2D ``[out, height, width, in]``,
            DEPTHWISE_CONV_2D ``[1, height, width, out]``, FULLY_CONNECTED ``[out, in]``.
        channel_axis: where the output channels lie (the quantized dimension, if there is one).
        scale: float32, one or one per channel; empty where the weights are not quantized.
        zero_point: int64, likewise.
        stored_bytes: what the weights take in the file; less than dense where stored sparse.
        is_sparse: whether the file stores them in a sparse encoding.
    """

    name: str
    op: str
    dtype: str
    values: Array
    channel_axis: int
    scale: Array
    zero_point: Array
    stored_bytes: int
    is_sparse: bool

    def _by_channel(self, parameters: Array) -> Array:
        """Parameters, one or one per channel, in a shape that broadcasts over the values."""
        if len(parameters) == 1:
            return parameters.reshape(())
        shape = [1] * self.values.ndim
        shape[self.channel_axis] = len(parameters)
        return parameters.reshape(shape)

    @cached_property
    def is_zero(self) -> NDArray[np.bool_]:
        """Where a weight is exactly zero (a quantized one: equal to its zero point)."""
        if not self.zero_point.any():
            return np.asarray(self.values == 0)
        return np.asarray(self.values == self._by_channel(self.zero_point))

    @property
    def real(self) -> NDArray[np.float32]:
        """The weights as the kernel means them: dequantized, float32."""
        values = self.values.astype(np.float32)
        if not len(self.scale):
            return values
        zero_point = self._by_channel(self.zero_point).astype(np.float32)
        return np.asarray((values - zero_point) * self._by_channel(self.scale), np.float32)

    @property
    def channels(self) -> Array:
        """The values as ``[output channels, weights per channel]``."""
        if self.values.ndim == 0:
            return self.values.reshape(1, 1)
        by_channel = np.moveaxis(self.values, self.channel_axis, 0)
        return by_channel.reshape(len(by_channel), math.prod(by_channel.shape[1:]))

    @property
    def matrix(self) -> NDArray[np.float32]:
        """The real weights as ``[rows, last axis]``: where :func:`follows_m_by_n` looks.

        The last axis is the input channels of convolutions and dense layers.
        """
        return self.real.reshape(-1, self.values.shape[-1] if self.values.ndim else 1)


def unique_values(channels: Array) -> tuple[int, NDArray[np.int64]]:
    """How many different values there are in all, and in each row.

    Args:
        channels: two-dimensional.
    """
    if channels.size == 0:
        return 0, np.zeros(len(channels), np.int64)
    if channels.dtype.itemsize == 1:
        return _unique_bytes(channels)
    # numpy sorts float16 slowly; the cast keeps all values apart.
    wide = channels.astype(np.float32) if channels.dtype == np.float16 else channels
    ordered = np.sort(wide, axis=1)
    is_new = np.ones(ordered.shape, bool)
    is_new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    candidates = np.sort(ordered[is_new])
    total = 1 + int(np.count_nonzero(candidates[1:] != candidates[:-1]))
    return total, np.count_nonzero(is_new, axis=1)


def _unique_bytes(channels: Array) -> tuple[int, NDArray[np.int64]]:
    """As :func:`unique_values`, for one-byte types: which of the 256 values are present."""
    present = np.zeros((len(channels), 256), bool)
    width = channels.shape[1]
    step = max(1, _CHUNK // width)
    for start in range(0, len(channels), step):
        part = np.ascontiguousarray(channels[start : start + step]).view(np.uint8)
        rows = np.arange(start, start + len(part))
        present[rows[:, None], part] = True
    return int(present.any(axis=0).sum()), np.count_nonzero(present, axis=1)


def follows_m_by_n(weights: Array, m: int, n: int) -> bool:
    """Whether each ``n`` consecutive weights of each row hold at least ``m`` zeros.

    This is m:n sparsity as TensorFlow Model Optimization means it (2:4 is two zeros in four). A
    last group that is shorter than ``n`` counts as filled up with zeros, as there.

    Args:
        weights: ``[rows, columns]``, zero where a weight is zero; see ``WeightTensor.matrix``.
        m: zeros in each group.
        n: size of a group.
    """
    return fewest_zeros(weights, n) >= m


def fewest_zeros(weights: Array, n: int) -> int:
    """The fewest zeros in any ``n`` consecutive weights of a row; ``n`` where there are no weights.

    Args:
        weights, n: as of :func:`follows_m_by_n`.
    """
    rows, columns = weights.shape
    nonzero = np.zeros((rows, -(-columns // n) * n), bool)
    nonzero[:, :columns] = weights != 0
    return n - int(nonzero.reshape(-1, n).sum(axis=1).max(initial=0))


def block_sparsity(weights: Array, block: tuple[int, int]) -> float:
    """The fraction of blocks that are all zero; blocks at the edge may be smaller.

    Args:
        weights: ``[rows, columns]``. A dense layer of TFLite is ``[out, in]``, the transpose of
            Keras' kernel: a block of 4×1 there is one of 1×4 here.
        block: rows and columns of a block.
    """
    (height, width), (rows, columns) = block, weights.shape
    if weights.size == 0:
        return 0.0
    nonzero = np.zeros((-(-rows // height) * height, -(-columns // width) * width), bool)
    nonzero[:rows, :columns] = weights != 0
    tiles = nonzero.reshape(nonzero.shape[0] // height, height, -1, width)
    return float(np.mean(~tiles.any(axis=(1, 3))))


def of_kernels(graph: Graph) -> Iterator[WeightTensor]:
    """The weights of all kernels, each stored buffer once, in order of first use.

    Biases, shapes and other constants are no kernel's weights. Constants that reach their kernel
    through DEQUANTIZE (float16 variants) or DENSIFY (sparse ones) are that kernel's.

    Raises:
        ModelError: a sparse tensor cannot be unfolded.
    """
    seen: set[int] = set()
    for subgraph in graph.subgraphs:
        producers = {i: op for op in subgraph.operators for i in op.outputs}
        for op in subgraph.operators:
            positions, axis = KERNELS.get(op.type, ((), 0))
            for position in positions:
                tensor = _stored(subgraph, producers, op, position)
                if tensor is not None and tensor.buffer not in seen:
                    seen.add(tensor.buffer)
                    yield _weight_tensor(tensor, op.type, axis)


def _stored(
    subgraph: Subgraph, producers: Mapping[int, Operator], op: Operator, position: int
) -> Tensor | None:
    """The constant behind one input of an op, if it can be a kernel's weights."""
    index = op.inputs[position] if position < len(op.inputs) else -1
    for _ in _UNPACKING:  # a chain is at most as long as there are unpacking ops
        source = producers.get(index)
        if source is not None and source.type in _UNPACKING and source.inputs:
            index = source.inputs[0]
    if index == -1:
        return None
    tensor = subgraph.tensors[index]
    if tensor.data is None or not is_weight_type(tensor):
        return None
    # A vector that is gathered from is a lookup table, not an embedding.
    return None if op.type == "GATHER" and len(tensor.shape) < 2 else tensor


def is_weight_type(tensor: Tensor) -> bool:
    """Whether a constant can hold trained values: floats, small or quantized integers."""
    bits = BITS.get(tensor.dtype, 0)
    is_number = tensor.dtype != "bool" and "complex" not in tensor.dtype
    is_small = 0 < bits <= 8  # blockwise quantized ones keep their scales in another tensor
    return is_number and ("float" in tensor.dtype or is_small or tensor.quantization is not None)


def _weight_tensor(tensor: Tensor, op: str, axis: int) -> WeightTensor:
    assert tensor.data is not None
    quantization = tensor.quantization
    rank = max(1, len(tensor.shape))
    if quantization is not None and len(quantization.scale) > 1:
        axis = quantization.dimension
    elif not -rank <= axis < rank:
        axis = 0
    if tensor.sparsity is None:
        values = _decode(tensor.data, tensor.dtype, tensor.elements).reshape(tensor.shape)
    else:
        values = _densify(tensor)
    return WeightTensor(
        name=tensor.name,
        op=op,
        dtype=tensor.dtype,
        values=values,
        channel_axis=axis % rank,
        scale=np.zeros(0, np.float32) if quantization is None else quantization.scale,
        zero_point=np.zeros(1, np.int64) if quantization is None else quantization.zero_point,
        stored_bytes=len(tensor.data),
        is_sparse=tensor.sparsity is not None,
    )


def _decode(data: Array, dtype: str, count: int) -> Array:
    """Stored bytes as ``count`` numbers; packed types (low bits first) become whole bytes."""
    bits = BITS[dtype]
    values: Array
    stored = np.ascontiguousarray(data[: -(-count * bits // 8)])
    if bits < 8:
        shifts = np.arange(0, 8, bits, dtype=np.uint8)
        fields: Array = ((stored[:, None] >> shifts) & (2**bits - 1)).ravel()[:count]
        if dtype.startswith("u"):
            return fields
        sign = 2 ** (bits - 1)
        values = np.subtract(fields ^ sign, sign, dtype=np.int8, casting="unsafe")
        return values
    if dtype == "bfloat16":
        values = np.left_shift(stored.view("<u2"), 16, dtype=np.uint32).view(np.float32)
        return values
    # numpy has no float8: its codes stand for the values, and zero's code is zero.
    return stored.view(np.uint8 if dtype.startswith("float8") else np.dtype(dtype))


def _densify(tensor: Tensor) -> Array:
    """Unfold a sparse tensor, level by level along its traversal order.

    The format is that of TFLite's ``SparsityParameters``: after the dimensions of the tensor come
    those within a block; ``block_map`` says which dimension each of these divides.
    """
    sparsity, rank = tensor.sparsity, len(tensor.shape)
    assert sparsity is not None
    assert tensor.data is not None
    damaged = ModelError(
        f"the sparse tensor {tensor.name!r} is damaged or too large", hint="build the file again"
    )
    levels = rank + len(sparsity.block_map)
    if not (
        min(tensor.shape, default=-1) >= 0
        and 0 < tensor.elements <= _MAX_DENSE_ELEMENTS
        and sorted(sparsity.traversal_order) == list(range(levels))
        and len(sparsity.dimensions) == levels
        and all(0 <= dimension < rank for dimension in sparsity.block_map)
        and tensor.dtype in BITS
    ):
        raise damaged
    try:
        coordinates = _coordinates(sparsity, len(tensor.data) * 8 // BITS[tensor.dtype])
        block_size = np.ones(rank, np.int64)
        position = coordinates[:rank]
        for inner, outer in enumerate(sparsity.block_map):
            level = sparsity.traversal_order.index(rank + inner)
            block_size[outer] = sparsity.dimensions[level].size
            position[outer] = position[outer] * block_size[outer] + coordinates[rank + inner]
        flat = np.ravel_multi_index(tuple(position), tensor.shape)
        values = _decode(tensor.data, tensor.dtype, len(flat))
        dense = np.zeros(tensor.elements, values.dtype)
        dense[flat] = values
    except ValueError as fault:  # sizes, segments or indices that do not fit each other
        raise damaged from fault
    return dense.reshape(tensor.shape)


def _coordinates(sparsity: Sparsity, stored: int) -> Array:
    """``[levels, stored values]``: where each stored value lies along each dimension."""
    segments = [d.segments for d in sparsity.dimensions if d.segments is not None]
    most = max([stored, *map(len, segments)])  # no level of an intact tensor has more nodes
    found = np.zeros((len(sparsity.traversal_order), 1), np.int64)
    for level, dimension in zip(sparsity.traversal_order, sparsity.dimensions, strict=True):
        nodes = found.shape[1]
        if dimension.segments is None or dimension.indices is None:
            if not 0 <= dimension.size * nodes <= most:  # before anything of that size is made
                raise ValueError("size")
            counts = np.full(nodes, dimension.size)
            children = np.tile(np.arange(dimension.size), nodes)
        else:
            counts = np.diff(dimension.segments)
            children = dimension.indices
        if len(counts) != nodes or counts.min(initial=0) < 0 or counts.sum() != len(children):
            raise ValueError("segments")
        found = np.repeat(found, counts, axis=1)
        found[level] = children
    return found
