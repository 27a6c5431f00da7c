"""How the ops of a .tflite compute: in float, in integers, or both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from bench.tflite.reader import Graph, Operator, Subgraph

ARITHMETIC: Mapping[str, str] = {
    "float": "its computed tensors are floats, and so are its weights",
    "hybrid": "its computed tensors are floats, its weights are integers (dynamic range)",
    "int8": "no computed tensor is a float, and at least one is int8 or uint8",
    "int16": "no computed tensor is a float, and at least one is int16",
    "conversion": "QUANTIZE, DEQUANTIZE, CAST or DENSIFY between a float and another type",
    "other": "only indices, shapes, booleans, strings or resources",
}
"""How an op computes. *Computed* tensors are inputs and outputs that are no stored constants."""

_CONVERSIONS = {"QUANTIZE", "DEQUANTIZE", "CAST", "DENSIFY"}


def op_facts(graph: Graph) -> dict[str, Any]:
    """Facts of all ops; the keys are described at :func:`bench.tflite.facts.read_facts`."""
    ops: dict[str, dict[str, int]] = {}
    kinds: Counter[str] = Counter()
    float_ops: Counter[str] = Counter()
    for subgraph, op in _all_ops(graph):
        entry = ops.setdefault(op.type, {"count": 0, "max_version": 0})
        entry["count"] += 1
        entry["max_version"] = max(entry["max_version"], op.version)
        kind = _arithmetic(subgraph, op)
        kinds[kind] += 1
        if kind in ("float", "hybrid"):
            float_ops[op.type] += 1
    computing = sum(kinds[kind] for kind in ("float", "hybrid", "int8", "int16"))
    return {
        "ops": dict(sorted(ops.items())),
        "arithmetic": {kind: kinds[kind] for kind in ARITHMETIC},
        "int8_share": kinds["int8"] / computing if computing else None,
        "integer_share": (kinds["int8"] + kinds["int16"]) / computing if computing else None,
        "float_ops": dict(sorted(float_ops.items())),
        "float_outputs": float_outputs(graph) if kinds["int8"] + kinds["int16"] else [],
    }


def _arithmetic(subgraph: Subgraph, op: Operator) -> str:
    """Which of ``ARITHMETIC`` an op is."""
    tensors = [subgraph.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0]
    computed = {tensor.dtype for tensor in tensors if tensor.data is None}
    stored = {tensor.dtype for tensor in tensors if tensor.data is not None}
    floats = {dtype for dtype in computed | stored if "float" in dtype}
    if op.type in _CONVERSIONS and floats:
        return "conversion"
    if floats & computed:
        return "hybrid" if stored & {"int8", "uint8", "int4", "int2"} else "float"
    if "int16" in computed:
        return "int16"
    return "int8" if computed & {"int8", "uint8"} else "other"


def float_outputs(graph: Graph) -> list[str]:
    """Names of the tensors that ops compute in float or hybrid, in order of execution."""
    return [
        subgraph.tensors[index].name
        for subgraph, op in _all_ops(graph)
        if _arithmetic(subgraph, op) in ("float", "hybrid")
        for index in op.outputs[:1]
    ]


def _all_ops(graph: Graph) -> Iterator[tuple[Subgraph, Operator]]:
    for subgraph in graph.subgraphs:
        for op in subgraph.operators:
            yield subgraph, op
