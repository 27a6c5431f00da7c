"""Whether an output went through a sigmoid or softmax, read in the file.

Values alone do not tell: the logits of a lone unit may happen to lie between 0 and 1.
"""

from __future__ import annotations

from pathlib import Path

from bench.tflite import reader

_PASSING = frozenset({"CAST", "DEQUANTIZE", "EXPAND_DIMS", "QUANTIZE", "RESHAPE", "SQUEEZE"})
"""Ops that hand values on as they are."""

_PROBABILITIES = frozenset({"LOGISTIC", "SOFTMAX"})
_LINEAR = frozenset(
    {"ADD", "BATCH_MATMUL", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MUL", "SUB",
     "TRANSPOSE_CONV"}
)  # fmt: skip


def probabilities(path: Path, signature: str | None) -> dict[str, bool]:
    """By output: True after a sigmoid or softmax, False after a layer without; others are left out.

    Args:
        path: of a .tflite.
        signature: the one that is run; None is the only one, or the main subgraph.

    Raises:
        ModelError: the file is not an intact .tflite.
    """
    graph = reader.load(path)
    chosen = next((s for s in graph.signatures if s.key == signature), None)
    if chosen is None and len(graph.signatures) == 1:
        chosen = graph.signatures[0]
    if chosen is None:
        subgraph = graph.subgraphs[0]
        outputs = {subgraph.tensors[index].name: index for index in subgraph.outputs}
    else:
        subgraph = graph.subgraphs[chosen.subgraph]
        outputs = dict(chosen.outputs)
    found = {name: _ending(subgraph, index) for name, index in outputs.items()}
    return {name: known for name, known in found.items() if known is not None}


def _ending(subgraph: reader.Subgraph, tensor: int) -> bool | None:
    makers = {index: op for op in subgraph.operators for index in op.outputs}
    while (op := makers.get(tensor)) is not None:
        if op.type not in _PASSING:
            return True if op.type in _PROBABILITIES else (False if op.type in _LINEAR else None)
        tensor = op.inputs[0]
    return None
