"""How many rows the table has that an input points into, read from the file.

A random index beyond the table makes an op fail, or, in older runtimes, read what lies behind the
table. So where no samples tell the bounds of an input of indices, the file's own tables do.
"""

from __future__ import annotations

from bench.inputs import InputSpec
from bench.tflite import reader
from bench.values import Variant

_TABLES = {"GATHER": (0, 1), "EMBEDDING_LOOKUP": (1, 0)}
"""Op to the places of its table and of its indices among its inputs."""

_PASSING = {
    "ADD", "CAST", "CONCATENATION", "EXPAND_DIMS", "PACK", "RESHAPE", "SELECT", "SELECT_V2",
    "SLICE", "SQUEEZE", "STRIDED_SLICE", "TRANSPOSE",
}  # fmt: skip
"""Ops behind which an index is still one; Keras adds the rows to negative ones and selects."""


def rows_of_table(variant: Variant, spec: InputSpec) -> int | None:
    """The rows of the smallest table that an input points into; None where none is found.

    Raises:
        ModelError: the file is not an intact .tflite.
    """
    graph = reader.load(variant.path)
    number = next((s.subgraph for s in graph.signatures if s.key == variant.signature), 0)
    subgraph = graph.subgraphs[number]
    name = spec.tensor or spec.name
    reached = {i for i in subgraph.inputs if i >= 0 and subgraph.tensors[i].name == name}
    rows = []
    for op in subgraph.operators:  # in order of execution: each comes after what it uses
        if op.type in _TABLES:
            table, indices = (op.inputs[place] for place in _TABLES[op.type])
            shape = subgraph.tensors[table].shape if table >= 0 else ()
            if indices in reached and table not in reached and shape:
                rows.append(shape[0])
        elif op.type in _PASSING and reached & set(op.inputs):
            reached |= set(op.outputs)
    return min(rows, default=None)
