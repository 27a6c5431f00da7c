"""Valid and faulty `.tflite` files of a few hundred bytes, made from the schema alone.

No converter is involved, so these are there in milliseconds and never change with a release.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

FILE_IDENTIFIER = b"TFL3"
PLACEHOLDER_FOR_GREATER = 127  # deprecatedBuiltinCode of an op whose code does not fit into it


def add(size: int = 8) -> bytes:
    """One float32 input, doubled by one ADD."""
    tensors = [_tensor("input", [1, size]), _tensor("output", [1, size])]
    code = _operator_code(schema.BuiltinOperator.ADD)
    options = schema.AddOptionsT()
    operator = _operator([0, 0], [1], schema.BuiltinOptions.AddOptions, options)
    return _pack(tensors, [code], [operator])


def dense(inputs: int = 8, outputs: int = 4, *, version: int = 1) -> bytes:
    """One FULLY_CONNECTED with constant float32 weights; `version` is that of the op."""
    weights = struct.pack(f"<{inputs * outputs}f", *(i % 7 - 3 for i in range(inputs * outputs)))
    bias = struct.pack(f"<{outputs}f", *range(outputs))
    tensors = [
        _tensor("input", [1, inputs]),
        _tensor("weights", [outputs, inputs], buffer=1),
        _tensor("bias", [outputs], buffer=2),
        _tensor("output", [1, outputs]),
    ]
    code = _operator_code(schema.BuiltinOperator.FULLY_CONNECTED, version)
    options = schema.FullyConnectedOptionsT()
    kind = schema.BuiltinOptions.FullyConnectedOptions
    return _pack(tensors, [code], [_operator([0, 1, 2], [3], kind, options)], [weights, bias])


def conv(size: int = 8, channels: int = 2) -> bytes:
    """One 3 by 3 CONV_2D with constant float32 weights."""
    weights = struct.pack(f"<{9 * channels}f", *(i % 5 - 2 for i in range(9 * channels)))
    bias = struct.pack(f"<{channels}f", *range(channels))
    tensors = [
        _tensor("input", [1, size, size, 1]),
        _tensor("weights", [channels, 3, 3, 1], buffer=1),
        _tensor("bias", [channels], buffer=2),
        _tensor("output", [1, size, size, channels]),
    ]
    options = schema.Conv2DOptionsT()
    options.padding = schema.Padding.SAME
    options.strideH = options.strideW = 1
    code = _operator_code(schema.BuiltinOperator.CONV_2D)
    operator = _operator([0, 1, 2], [3], schema.BuiltinOptions.Conv2DOptions, options)
    return _pack(tensors, [code], [operator], [weights, bias])


def future_dense(version: int = 99) -> bytes:
    """FULLY_CONNECTED in a version that no tool knows: loads, and fails when ops are resolved."""
    return dense(version=version)


def custom(name: str = "NoSuchOp") -> bytes:
    """One custom op that no runtime has."""
    tensors = [_tensor("input", [1, 8]), _tensor("output", [1, 8])]
    code = _operator_code(schema.BuiltinOperator.CUSTOM)
    code.customCode = name.encode()
    return _pack(tensors, [code], [_operator([0], [1])])


def bad_schema_version() -> bytes:
    """A well-formed file of a schema version that does not exist."""
    tensors = [_tensor("input", [1, 8]), _tensor("output", [1, 8])]
    code = _operator_code(schema.BuiltinOperator.ADD)
    options = schema.AddOptionsT()
    operator = _operator([0, 0], [1], schema.BuiltinOptions.AddOptions, options)
    return _pack(tensors, [code], [operator], version=9)


def truncated() -> bytes:
    """The first half of a good file, as an interrupted copy leaves it."""
    whole = dense()
    return whole[: len(whole) // 2]


def not_a_model() -> bytes:
    """A file that never was a model."""
    return b"<!DOCTYPE html><title>404 Not Found</title>\n"


def _tensor(name: str, shape: Sequence[int], *, buffer: int = 0) -> Any:
    tensor = schema.TensorT()
    tensor.name = name.encode()
    tensor.shape = list(shape)
    tensor.type = schema.TensorType.FLOAT32
    tensor.buffer = buffer
    return tensor


def _operator_code(builtin: int, version: int = 1) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = builtin
    code.deprecatedBuiltinCode = min(builtin, PLACEHOLDER_FOR_GREATER)
    code.version = version
    return code


def _operator(
    inputs: Sequence[int], outputs: Sequence[int], kind: int = 0, options: Any = None
) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex = 0
    operator.inputs = list(inputs)
    operator.outputs = list(outputs)
    operator.builtinOptionsType = kind
    operator.builtinOptions = options
    return operator


def _pack(
    tensors: list[Any],
    codes: list[Any],
    operators: list[Any],
    constants: Sequence[bytes] = (),
    *,
    version: int = 3,
) -> bytes:
    """A model whose first tensor is its input and whose last is its output.

    Buffer 0 is empty by convention, `constants` are 1 and up.
    """
    graph = schema.SubGraphT()
    graph.name = b"main"
    graph.tensors = tensors
    graph.inputs = [0]
    graph.outputs = [len(tensors) - 1]
    graph.operators = operators
    model = schema.ModelT()
    model.version = version
    model.description = b"tiny"
    model.operatorCodes = codes
    model.subgraphs = [graph]
    model.buffers = [schema.BufferT()]
    for content in constants:
        buffer = schema.BufferT()
        buffer.data = list(content)
        model.buffers.append(buffer)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())
