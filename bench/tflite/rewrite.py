"""Write a .tflite anew that computes the same: without names, with sparse weights, outputs renamed.

What takes fewer bytes goes through the object interface that flatc makes of ``schema.fbs``. It
knows nothing of the schema's ``force_align: 16`` of stored data, so the builder here sees to that.
It also stores equal vectors once, as flatbuffers may: the zero points of a thin int8 model, eight
bytes of zeros for each channel and once more for its bias, are a fifth of its file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from bench.errors import ModelError
from bench.tflite import reader
from bench.tflite.reader import Array

SPARSE_OPS = {"CONV_2D": ("float32", "float16", "int8"), "FULLY_CONNECTED": ("float32", "float16")}
"""Ops whose kernels, their second inputs, are stored sparse, and in which types.

XNNPACK fails to load a file with others: dense layers in int8, and anything of dynamic range.
"""

_IDENTIFIER = b"TFL3"
_ALIGNMENTS = {1: 16, 2: 4}
"""Of vectors by the size of their items: ``force_align`` of stored data, and of short indices."""
_OVERHEAD_BYTES = 250
"""About what a DENSIFY, its tensor and the sparse tensor's parameters take."""


def strip_names(content: bytes) -> bytes:
    """The same file without the names of tensors that no caller addresses, and of subgraphs.

    Names of inputs and outputs stay, of every subgraph and signature: tools find them by these.

    Args:
        content: bytes of an intact .tflite.

    Raises:
        ModelError: the file keeps weights outside its flatbuffer, or would come out otherwise.
    """

    def strip(model: Any) -> None:
        for index, graph in enumerate(model.subgraphs):
            addressed = {*graph.inputs, *graph.outputs}
            for signature in model.signatureDefs or ():
                if signature.subgraphIndex == index:
                    addressed.update(one.tensorIndex for one in signature.inputs or ())
                    addressed.update(one.tensorIndex for one in signature.outputs or ())
            graph.name = None
            for place, tensor in enumerate(graph.tensors):
                if place not in addressed:
                    tensor.name = None

    made = rewritten(content, strip)
    if _without_names(made) != _without_names(content):
        raise ModelError(
            "without its names the file would compute otherwise",
            hint="report this model, and leave strip out",
        )
    return made


def rename_outputs(content: bytes, names: Mapping[str, str]) -> bytes:
    """The same file whose signatures call their outputs otherwise; nothing else is touched.

    Args:
        content: bytes of an intact .tflite.
        names: old to new; outputs that are not there keep theirs.
    """
    made = bytearray(content)
    model = _schema().Model.GetRootAs(content)
    for signature in map(model.SignatureDefs, range(model.SignatureDefsLength())):
        for output in map(signature.Outputs, range(signature.OutputsLength())):
            old = (output.Name() or b"").decode()
            if names.get(old, old) != old:
                _point_to(made, output, names[old].encode())
    return bytes(made)


def _point_to(made: bytearray, named: Any, text: bytes) -> None:
    """Write a string behind all else, and have a table's name, its first field, be there.

    Offsets are counted from where they stand and strings may lie anywhere behind.
    """
    field = named._tab.Pos + named._tab.Offset(4)
    made += b"\0" * (-len(made) % 4)
    made[field : field + 4] = struct.pack("<I", len(made) - field)
    made += struct.pack("<I", len(text)) + text + b"\0"


def store_sparse(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """The same file with kernels stored as their nonzero values and where these lie.

    The last axis is stored as compressed rows, all others dense (``SparsityParameters``); a DENSIFY
    unfolds each kernel when the interpreter first runs. A kernel that would not become smaller
    stays as it is.

    Args:
        content: bytes of an intact .tflite.

    Returns:
        The bytes, and the names of the tensors that are stored sparse: none leaves all as it was.

    Raises:
        ModelError: the file keeps weights outside its flatbuffer.
    """
    graph = reader.parse(content)
    plans = [_sparse_kernels(graph, subgraph) for subgraph in graph.subgraphs]
    names = tuple(
        subgraph.tensors[index].name
        for subgraph, plan in zip(graph.subgraphs, plans, strict=True)
        for index in plan
    )
    if not names:
        return content, ()

    def encode(model: Any) -> None:
        code = _densify_code(model)
        for subgraph, plan in zip(model.subgraphs, plans, strict=True):
            for index, kernel in plan.items():
                _encode(model, subgraph, index, kernel, code)

    return rewritten(content, encode), names


@cache
def _schema() -> Any:
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


def stored_values(tensor: reader.Tensor) -> Array:
    """A constant dense tensor's values as they are stored, in its shape."""
    assert tensor.data is not None
    return np.frombuffer(tensor.data.tobytes(), tensor.dtype).reshape(tensor.shape)


def rewritten(content: bytes, change: Callable[[Any], None]) -> bytes:
    """Unpack, change in place, pack."""
    import flatbuffers

    class Packing(flatbuffers.Builder):  # type: ignore[misc]
        """Stores equal vectors once, and aligns them as the schema asks.

        flatbuffers for Python does neither.
        """

        def __init__(self, size: int) -> None:
            super().__init__(size)
            self._stored: dict[tuple[str, bytes], int] = {}

        def CreateNumpyVector(self, x: Array) -> int:  # noqa: N802  # flatbuffers' own name
            key = x.dtype.str, x.tobytes()
            if key not in self._stored:
                self._stored[key] = self._store(x)
            return self._stored[key]

        def _store(self, x: Array) -> int:
            alignment = _ALIGNMENTS.get(x.dtype.itemsize)
            if alignment is None:
                return int(super().CreateNumpyVector(x))
            self.StartVector(x.itemsize, x.size, alignment)
            payload = x.tobytes()
            self.head -= len(payload)
            self.Bytes[self.head : self.head + len(payload)] = payload
            return int(self.EndVector())

    model = _schema().ModelT.InitFromPackedBuf(bytearray(content))
    if any(buffer.offset > 1 or buffer.size > 1 for buffer in model.buffers):
        raise ModelError(
            "a file of more than 2 GB keeps its weights outside the flatbuffer",
            hint="leave strip and sparse out",
        )
    change(model)
    builder = Packing(len(content) + 1024)
    builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _without_names(content: bytes) -> list[Any]:
    """All that a runtime computes with: ops, tensors, values, inputs and outputs, signatures."""
    graph = reader.parse(content)
    parts: list[Any] = [graph.signatures]
    for subgraph in graph.subgraphs:
        parts += [subgraph.operators, subgraph.inputs, subgraph.outputs]
        for tensor in subgraph.tensors:
            data = None if tensor.data is None else tensor.data.tobytes()
            quantization = tensor.quantization
            scales = None
            if quantization is not None:
                zero_points = quantization.zero_point.tolist()
                scales = (quantization.scale.tolist(), zero_points, quantization.dimension)
            parts.append((tensor.shape, tensor.shape_signature, tensor.dtype, data, scales))
    return parts


def _sparse_kernels(graph: reader.Graph, subgraph: reader.Subgraph) -> dict[int, Array]:
    """Tensor index to dense values, of kernels that take fewer bytes when stored sparse."""
    used: dict[int, int] = {}
    for each in graph.subgraphs:
        for tensor in each.tensors:
            used[tensor.buffer] = used.get(tensor.buffer, 0) + 1
    unpacked = {op.outputs[0]: op.inputs[0] for op in subgraph.operators if op.type == "DEQUANTIZE"}
    found: dict[int, Array] = {}
    for op in subgraph.operators:
        if op.type not in SPARSE_OPS:
            continue
        index = unpacked.get(op.inputs[1], op.inputs[1])
        tensor = subgraph.tensors[index]
        if tensor.data is None or tensor.sparsity is not None:
            continue
        hybrid = tensor.dtype == "int8" and subgraph.tensors[op.inputs[0]].dtype == "float32"
        if hybrid or tensor.dtype not in SPARSE_OPS[op.type]:
            continue
        shifted = tensor.quantization is not None and tensor.quantization.zero_point.any()
        if used[tensor.buffer] > 1 or shifted or len(tensor.shape) < 2:
            continue
        values = stored_values(tensor)
        segments, indices, stored = _compressed(values)
        if segments.nbytes + indices.nbytes + stored.nbytes + _OVERHEAD_BYTES < values.nbytes:
            found[index] = values
    return found


def _compressed(values: Array) -> tuple[Array, Array, Array]:
    """Compressed rows along the last axis: where each row begins, places within it, and values."""
    rows = values.reshape(-1, values.shape[-1])
    row, column = np.nonzero(rows)
    counts = np.bincount(row, minlength=len(rows))
    segments = np.concatenate([[0], np.cumsum(counts)])
    return _smallest(segments), _smallest(column), rows[row, column]


def _smallest(numbers: Array) -> Array:
    """In the smallest of the schema's types of indices."""
    most = int(numbers.max(initial=0))
    return numbers.astype("u1" if most < 2**8 else "<u2" if most < 2**16 else "<i4")


def _densify_code(model: Any) -> int:
    """The place of DENSIFY among the model's ops; added where it is not there."""
    schema = _schema()
    densify = schema.BuiltinOperator.DENSIFY
    for place, code in enumerate(model.operatorCodes):
        if code.builtinCode == densify:
            return place
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = densify
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _encode(model: Any, subgraph: Any, index: int, values: Array, code: int) -> None:
    """Store one tensor sparse, and hand its users what a DENSIFY makes of it."""
    schema = _schema()
    sparse = subgraph.tensors[index]
    dense = schema.TensorT()
    for field in ("shape", "type", "quantization", "hasRank"):
        setattr(dense, field, getattr(sparse, field))
    # The dense tensor keeps the name: it is the kernel's.
    dense.name, sparse.name = sparse.name, (sparse.name or b"") + b"_sparse"
    segments, indices, stored = _compressed(values)
    parameters = schema.SparsityParametersT()
    parameters.traversalOrder = list(range(values.ndim))
    parameters.blockMap = []
    parameters.dimMetadata = [_dense_axis(size) for size in values.shape[:-1]]
    parameters.dimMetadata.append(_sparse_axis(segments, indices))
    sparse.sparsity = parameters
    model.buffers[sparse.buffer].data = np.frombuffer(stored.tobytes(), np.uint8)
    subgraph.tensors.append(dense)
    for op in subgraph.operators:
        op.inputs = [len(subgraph.tensors) - 1 if one == index else one for one in op.inputs]
    unfold = schema.OperatorT()
    unfold.opcodeIndex = code
    unfold.inputs, unfold.outputs = [index], [len(subgraph.tensors) - 1]
    unfold.builtinOptionsType = schema.BuiltinOptions.DensifyOptions
    unfold.builtinOptions = schema.DensifyOptionsT()
    subgraph.operators.insert(0, unfold)


def _dense_axis(size: int) -> Any:
    axis = _schema().DimensionMetadataT()
    axis.format = _schema().DimensionType.DENSE
    axis.denseSize = size
    return axis


def _sparse_axis(segments: Array, indices: Array) -> Any:
    axis = _schema().DimensionMetadataT()
    axis.format = _schema().DimensionType.SPARSE_CSR
    axis.arraySegmentsType, axis.arraySegments = _index_vector(segments)
    axis.arrayIndicesType, axis.arrayIndices = _index_vector(indices)
    return axis


def _index_vector(numbers: Array) -> tuple[int, Any]:
    schema = _schema()
    name = {"u1": "Uint8Vector", "u2": "Uint16Vector", "i4": "Int32Vector"}[numbers.dtype.str[1:]]
    vector = getattr(schema, f"{name}T")()
    vector.values = numbers
    return getattr(schema.SparseIndexVector, name), vector
