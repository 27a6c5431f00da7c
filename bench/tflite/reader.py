"""Read the flatbuffer of a .tflite into frozen values, every reference checked.

The Python flatbuffers library has no verifier, and a C++ runtime that is handed a damaged file may
end the whole process. So :func:`load` reads the file once, checks each offset, index and length as
it goes, and hands out plain values. Tensor data stay views into the file's bytes.

The layout is that of ``schema.fbs`` (version 3) of TensorFlow Lite / LiteRT.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.errors import ModelError
from bench.tflite.filetype import looks_like, read

Item = TypeVar("Item")
Array = NDArray[Any]

BITS = {
    "float64": 64, "float32": 32, "float16": 16, "bfloat16": 16,
    "float8_e4m3fn": 8, "float8_e5m2": 8, "complex64": 64, "complex128": 128, "bool": 8,
    "int64": 64, "int32": 32, "int16": 16, "int8": 8, "int4": 4, "int2": 2,
    "uint64": 64, "uint32": 32, "uint16": 16, "uint8": 8, "uint4": 4,
}  # fmt: skip
"""Stored bits per element; types of no fixed size (strings, resources) are not here."""

MADE = Path("what was made")  # stands for the path of bytes that lie in no file

_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_MAX_ITEMS = 1_000_000  # the bound of the C++ verifier on tables in one file


@dataclass(frozen=True)
class Quantization:
    """``real = scale * (stored - zero_point)``; several scales lie along ``dimension``."""

    scale: Array
    zero_point: Array
    dimension: int


@dataclass(frozen=True)
class SparseDimension:
    """One level of a sparse tensor: dense with ``size``, or compressed rows as in CSR."""

    size: int
    segments: Array | None = None
    indices: Array | None = None


@dataclass(frozen=True)
class Sparsity:
    """How a sparse tensor's stored values spread over its shape (``SparsityParameters``)."""

    traversal_order: tuple[int, ...]
    block_map: tuple[int, ...]
    dimensions: tuple[SparseDimension, ...]


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of a subgraph; ``data`` are its stored bytes, or None where it is computed."""

    name: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    dtype: str
    buffer: int
    data: Array | None
    quantization: Quantization | None
    sparsity: Sparsity | None
    external: bool

    @property
    def elements(self) -> int:
        """How many elements the tensor has when it is dense."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Operator:
    """A node of the graph; an index of -1 among ``inputs`` is an optional input left out."""

    type: str
    version: int
    is_custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    has_custom_options: bool = False


@dataclass(frozen=True)
class Subgraph:
    """Tensors and the operators between them, in order of execution."""

    name: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """A named entry point: names of its inputs and outputs to tensor indices of a subgraph."""

    key: str
    subgraph: int
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class Graph:
    """All of a .tflite; ``content`` are the file's bytes."""

    content: bytes
    description: str
    subgraphs: tuple[Subgraph, ...]
    signatures: tuple[Signature, ...]
    metadata: Mapping[str, bytes]


class _DamageError(Exception):
    """A reference that leads out of the file, or to something that cannot be."""


def load(path: Path) -> Graph:
    """Read and verify a .tflite; a ``ModelError`` also where it is missing or a folder."""
    return parse(read(path), path)


def parse(content: bytes, path: Path = MADE) -> Graph:
    """Read and verify the bytes of a .tflite; ``path`` is where they lie, for what is told.

    Raises:
        ModelError: they are empty, truncated, damaged, or of another kind.
    """
    if content[4:8] != _IDENTIFIER:
        kind, hint = looks_like(content, path)
        raise ModelError(f"{path} is not a TFLite model but {kind}", hint=hint)
    try:
        return _graph(content)
    # What flatbuffers and numpy raise on an offset, a count or a number that is out of range.
    except (_DamageError, struct.error, ValueError, TypeError, IndexError, OverflowError) as fault:
        detail = f" ({fault})" if isinstance(fault, _DamageError) else ""
        raise ModelError(
            f"{path} is truncated or damaged{detail}",
            hint=f"copy or build it again; it has {len(content)} bytes here",
        ) from fault


@cache
def _schema() -> Any:
    """The schema's classes; imported late, since most commands never open a model."""
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


@cache
def _names(enum: str) -> Mapping[int, str]:
    """Value to name of one of the schema's enumerations."""
    members = vars(getattr(_schema(), enum)).items()
    return {value: name for name, value in members if isinstance(value, int)}


def _graph(content: bytes) -> Graph:
    root = _schema().Model.GetRootAs(content, 0)
    if root.Version() != _SCHEMA_VERSION:
        raise _DamageError(f"schema version {root.Version()}, not {_SCHEMA_VERSION}")
    buffers = _items(content, root.BuffersLength, root.Buffers, lambda b: _data(content, b))
    codes = _items(content, root.OperatorCodesLength, root.OperatorCodes, _code)
    subgraphs = _items(
        content,
        root.SubgraphsLength,
        root.Subgraphs,
        lambda subgraph: _subgraph(content, subgraph, buffers, codes),
    )
    if not subgraphs:
        raise _DamageError("it holds no graph")
    signatures = _items(
        content,
        root.SignatureDefsLength,
        root.SignatureDefs,
        lambda signature: _signature(content, signature, subgraphs),
    )
    metadata = _items(content, root.MetadataLength, root.Metadata, lambda m: _metadata(m, buffers))
    return Graph(content, _text(root, 10), subgraphs, signatures, dict(metadata))


def _items(
    content: bytes,
    length: Callable[[], int],
    get: Callable[[int], Any],
    read: Callable[[Any], Item],
) -> tuple[Item, ...]:
    """All entries of a vector of tables, its length checked before anything is allocated."""
    count = length()
    if count > min(len(content) // 4, _MAX_ITEMS):
        raise _DamageError(f"a list of {count} entries")
    return tuple(read(get(index)) for index in range(count))


def _text(table: Any, slot: int) -> str:
    """The string field at a vtable slot; the library would cut it silently at the file's end."""
    tab = getattr(table, "_tab", table)
    offset = tab.Offset(slot)
    if offset == 0:
        return ""
    start = tab.Indirect(offset + tab.Pos)
    (length,) = struct.unpack_from("<I", tab.Bytes, start)
    if tab.Bytes[start + 4 + length : start + 5 + length] != b"\0":
        raise _DamageError("a name without an end")
    return bytes(tab.Bytes[start + 4 : start + 4 + length]).decode("utf-8", errors="replace")


def nested_text(content: bytes, slots: tuple[int, int]) -> str | None:
    """A string in a small flatbuffer of another schema: field ``slots[1]`` of the table in the
    root's field ``slots[0]``; None where it is not there.
    """
    from flatbuffers.table import Table

    try:
        (start,) = struct.unpack_from("<I", content, 0)
        root = Table(content, start)
        offset = root.Offset(slots[0])
        inner = Table(content, root.Indirect(offset + start)) if offset else None
        return (_text(inner, slots[1]) or None) if inner else None
    except (_DamageError, struct.error, TypeError):
        return None


def _integers(is_none: bool, as_numpy: Callable[[], Array]) -> tuple[int, ...]:
    return () if is_none else tuple(as_numpy().tolist())


def _index(value: int, items: tuple[Any, ...], what: str) -> int:
    if not 0 <= value < len(items):
        raise _DamageError(f"{what} {value} of {len(items)}")
    return value


def _data(content: bytes, buffer: Any) -> Array | None:
    """A buffer's bytes, in the flatbuffer or (in files beyond 2 GB) behind it; None where empty."""
    offset, size = buffer.Offset(), buffer.Size()
    if offset > 1:  # 0 and 1 are placeholders
        if offset + size > len(content):
            raise _DamageError(f"weights at byte {offset + size} of {len(content)}")
        return np.frombuffer(content, np.uint8, size, offset)
    if buffer.DataIsNone() or buffer.DataLength() == 0:
        return None
    data: Array = buffer.DataAsNumpy()
    return data


def _code(code: Any) -> tuple[str, int, bool]:
    """Type, version and whether it is a custom op."""
    # Files before 2020 hold the code in the older one-byte field only.
    number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
    name = _names("BuiltinOperator").get(number, f"BUILTIN_{number}")
    if name == "CUSTOM":
        return _text(code, 6) or "(unnamed custom op)", code.Version(), True
    return name, code.Version(), False


def _subgraph(
    content: bytes,
    subgraph: Any,
    buffers: tuple[Array | None, ...],
    codes: tuple[tuple[str, int, bool], ...],
) -> Subgraph:
    tensors = _items(
        content, subgraph.TensorsLength, subgraph.Tensors, lambda t: _tensor(content, t, buffers)
    )

    def indices(is_none: bool, as_numpy: Callable[[], Array]) -> tuple[int, ...]:
        found = _integers(is_none, as_numpy)
        return tuple(i if i == -1 else _index(i, tensors, "tensor") for i in found)

    def operator(op: Any) -> Operator:
        schema = _schema()
        # Unpacked only to see that they lie within the file.
        schema.BuiltinOptionsCreator(op.BuiltinOptionsType(), op.BuiltinOptions())
        schema.BuiltinOptions2Creator(op.BuiltinOptions2Type(), op.BuiltinOptions2())
        return Operator(
            *codes[_index(op.OpcodeIndex(), codes, "operator code")],
            inputs=indices(op.InputsIsNone(), op.InputsAsNumpy),
            outputs=indices(op.OutputsIsNone(), op.OutputsAsNumpy),
            has_custom_options=not op.CustomOptionsIsNone() and len(op.CustomOptionsAsNumpy()) > 0,
        )

    operators = _items(content, subgraph.OperatorsLength, subgraph.Operators, operator)
    for op in operators:
        _check_unpacked(op, tensors)
    return Subgraph(
        name=_text(subgraph, 12),
        tensors=tensors,
        operators=operators,
        inputs=indices(subgraph.InputsIsNone(), subgraph.InputsAsNumpy),
        outputs=indices(subgraph.OutputsIsNone(), subgraph.OutputsAsNumpy),
    )


def _check_unpacked(op: Operator, tensors: tuple[Tensor, ...]) -> None:
    """XNNPACK reads a constant behind DEQUANTIZE with the size of the tensor it becomes."""
    if op.type != "DEQUANTIZE" or not op.inputs or not op.outputs or op.inputs[0] == -1:
        return
    stored, unpacked = tensors[op.inputs[0]], tensors[op.outputs[0]]
    if stored.data is not None and stored.elements != unpacked.elements:
        raise _DamageError(f"tensor {unpacked.name!r} is not of the size of its constant")


def _tensor(content: bytes, tensor: Any, buffers: tuple[Array | None, ...]) -> Tensor:
    kind = _names("TensorType").get(tensor.Type())
    if kind is None:
        raise _DamageError(f"tensor type {tensor.Type()}")
    shape = _integers(tensor.ShapeIsNone(), tensor.ShapeAsNumpy)
    result = Tensor(
        name=_text(tensor, 10),
        shape=shape,
        shape_signature=_integers(tensor.ShapeSignatureIsNone(), tensor.ShapeSignatureAsNumpy)
        or shape,
        dtype=kind.lower(),
        buffer=tensor.Buffer(),
        data=buffers[_index(tensor.Buffer(), buffers, "buffer")],
        quantization=_quantization(tensor.Quantization(), shape),
        sparsity=_sparsity(content, tensor.Sparsity()),
        external=tensor.ExternalBuffer() != 0,
    )
    if result.data is not None and result.sparsity is None and result.dtype in BITS:
        needed = -(-result.elements * BITS[result.dtype] // 8)
        if min(shape, default=1) < 0 or needed > len(result.data):
            raise _DamageError(f"tensor {result.name!r} has {len(result.data)} of {needed} bytes")
    return result


def _quantization(parameters: Any, shape: tuple[int, ...]) -> Quantization | None:
    if parameters is None or parameters.ScaleIsNone() or parameters.ScaleLength() == 0:
        return None
    scale: Array = parameters.ScaleAsNumpy()
    zero_point: Array = np.zeros(1, np.int64)
    if not parameters.ZeroPointIsNone() and parameters.ZeroPointLength():
        zero_point = parameters.ZeroPointAsNumpy()
    dimension = parameters.QuantizedDimension()
    if len(scale) > 1 and len(scale) != shape[_index(dimension, shape, "quantized dimension")]:
        raise _DamageError(f"{len(scale)} scales for shape {shape}")
    if len(zero_point) not in (1, len(scale)):
        raise _DamageError(f"{len(zero_point)} zero points for {len(scale)} scales")
    return Quantization(scale, zero_point, dimension)


def _sparsity(content: bytes, parameters: Any) -> Sparsity | None:
    if parameters is None:
        return None
    return Sparsity(
        _integers(parameters.TraversalOrderIsNone(), parameters.TraversalOrderAsNumpy),
        _integers(parameters.BlockMapIsNone(), parameters.BlockMapAsNumpy),
        _items(content, parameters.DimMetadataLength, parameters.DimMetadata, _sparse_dimension),
    )


def _sparse_dimension(dimension: Any) -> SparseDimension:
    schema = _schema()
    if dimension.Format() == schema.DimensionType.DENSE:
        return SparseDimension(dimension.DenseSize())

    def values(kind: int, table: Any) -> Array:
        vector = schema.SparseIndexVectorCreator(kind, table)
        if vector is None or vector.values is None:
            raise _DamageError("a sparse tensor without indices")
        return np.asarray(vector.values, np.int64)

    return SparseDimension(
        0,
        values(dimension.ArraySegmentsType(), dimension.ArraySegments()),
        values(dimension.ArrayIndicesType(), dimension.ArrayIndices()),
    )


def _signature(content: bytes, signature: Any, subgraphs: tuple[Subgraph, ...]) -> Signature:
    index = _index(signature.SubgraphIndex(), subgraphs, "subgraph")
    tensors = subgraphs[index].tensors

    def entry(pair: Any) -> tuple[str, int]:
        return _text(pair, 4), _index(pair.TensorIndex(), tensors, "tensor")

    return Signature(
        key=_text(signature, 8),
        subgraph=index,
        inputs=dict(_items(content, signature.InputsLength, signature.Inputs, entry)),
        outputs=dict(_items(content, signature.OutputsLength, signature.Outputs, entry)),
    )


def _metadata(entry: Any, buffers: tuple[Array | None, ...]) -> tuple[str, bytes]:
    data = buffers[_index(entry.Buffer(), buffers, "buffer")]
    return _text(entry, 4), b"" if data is None else data.tobytes()
