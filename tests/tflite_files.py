"""Runnable .tflite files of a few hundred bytes, one for each thing that a launch may meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from tests.flatbuffer_models import ModelBuilder


def add(dtype: str = "float32", shape: tuple[int, ...] = (1, 8), op: str = "ADD") -> bytes:
    """Two inputs ``x`` and ``z``, one output ``y``; no signature."""
    builder = ModelBuilder()
    x, z, y = (builder.tensor(name, shape, dtype) for name in "xzy")
    builder.op(op, [x, z], [y])
    return builder.pack([x, z], [y])


def tanh(
    name: str = "x", shape: tuple[int, ...] = (1, 8), signature: tuple[int, ...] | None = None
) -> bytes:
    """One float32 input and output; ``signature`` has -1 where a dimension is dynamic."""
    builder = ModelBuilder()
    x = builder.tensor(name, shape, signature=signature)
    y = builder.tensor("y", shape, signature=signature)
    builder.op("TANH", [x], [y])
    return builder.pack([x], [y])


def two_heads(name: str = "x", signature: tuple[str, str] | None = None) -> bytes:
    """One float32 input, the outputs ``wave`` and ``chance``; a signature has names of its own."""
    builder = ModelBuilder()
    x, wave, chance = (builder.tensor(each, (1, 8)) for each in (name, "wave", "chance"))
    builder.op("TANH", [x], [wave])
    builder.op("LOGISTIC", [x], [chance])
    if signature is not None:
        outputs = dict(zip(signature, (wave, chance), strict=True))
        builder.signature("serving_default", {name: x}, outputs)
    return builder.pack([x], [wave, chance])


def strings() -> bytes:
    """Two string inputs, a bool output."""
    builder = ModelBuilder()
    x, z = (builder.tensor(name, (2,), "string") for name in "xz")
    y = builder.tensor("y", (2,), "bool")
    builder.op("EQUAL", [x, z], [y], version=3)
    return builder.pack([x, z], [y])


def complex64() -> bytes:
    """A complex input, a float32 output."""
    builder = ModelBuilder()
    x, y = builder.tensor("x", (2, 3), "complex64"), builder.tensor("y", (2, 3))
    builder.op("COMPLEX_ABS", [x], [y])
    return builder.pack([x], [y])


def gather(rows: int = 4) -> bytes:
    """An int32 index into a small table: out of range is refused by the op."""
    builder = ModelBuilder()
    table = builder.tensor("table", (rows, 2), data=np.zeros((rows, 2), np.float32))
    index, y = builder.tensor("index", (1,), "int32"), builder.tensor("y", (1, 2))
    builder.op("GATHER", [table, index], [y])
    return builder.pack([index], [y])


def two_signatures(first: str = "first") -> bytes:
    """``first`` takes ``a`` of 8 numbers; ``second`` takes ``p`` and ``q`` of 4."""
    builder = ModelBuilder()
    a, o = builder.tensor("a0", (1, 8)), builder.tensor("o0", (1, 8))
    builder.op("TANH", [a], [o])
    builder.signature(first, {"a": a}, {"o": o})
    builder.graph.inputs, builder.graph.outputs = np.array([a]), np.array([o])
    builder.subgraph()
    p, q, s = (builder.tensor(name, (1, 4)) for name in ("p1", "q1", "s1"))
    builder.op("ADD", [p, q], [s])
    builder.signature("second", {"p": p, "q": q}, {"s": s})
    return builder.pack([p, q], [s])


def custom(name: str = "NoSuchOp") -> bytes:
    """An op that no stock runtime has."""
    builder = ModelBuilder()
    x, y = builder.tensor("x", (1, 8)), builder.tensor("y", (1, 8))
    builder.op(name, [x], [y], custom=True)
    return builder.pack([x], [y])


def too_new() -> bytes:
    """A builtin op in a version that no runtime has yet."""
    builder = ModelBuilder()
    x, y = builder.tensor("x", (1, 8)), builder.tensor("y", (1, 8))
    builder.op("TANH", [x], [y], version=99)
    return builder.pack([x], [y])


def fixed_batch() -> bytes:
    """Reshapes (n, 8) to (1, 8), which no batch but one can be brought into."""
    builder = ModelBuilder()
    shape = builder.tensor("shape", (2,), "int32", data=np.array([1, 8], np.int32))
    x, y = builder.tensor("x", (1, 8)), builder.tensor("y", (1, 8))
    builder.op("RESHAPE", [x, shape], [y])
    return builder.pack([x], [y])


RUNNABLE: Mapping[str, Callable[[], bytes]] = {
    "float32": add,
    "bool": lambda: add("bool", op="LOGICAL_AND"),
    "int64": lambda: add("int64"),
    "int32": lambda: add("int32"),
    "string": strings,
    "complex64": complex64,
    "scalar": lambda: add(shape=()),
    "dynamic": lambda: tanh(signature=(-1, 8)),
    "slash": lambda: tanh("scope/x:0"),
    "two_signatures": lambda: two_signatures("serving_default"),
}
