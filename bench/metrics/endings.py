"""What an output went through last, read in the file: a sigmoid or softmax, a quantization.

Values alone do not tell: the logits of a lone unit may happen to lie between 0 and 1.
"""

from __future__ import annotations

from pathlib import Path

from bench.tflite import reader
from bench.tflite.entries import entry_of

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
    entry = entry_of(path, signature)
    found = {name: _ending(entry.subgraph, index) for name, index in entry.outputs.items()}
    return {name: known for name, known in found.items() if known is not None}


def steps(path: Path, signature: str | None) -> dict[str, float]:
    """By output: the step of the quantization that its values went through last.

    An output of floats may be one of integers whose quantization an op undoes at the very end.
    Outputs that were never quantized are left out. Arguments and errors as above.
    """
    entry = entry_of(path, signature)
    found = {name: _step(entry.subgraph, index) for name, index in entry.outputs.items()}
    return {name: known for name, known in found.items() if known is not None}


def _ending(subgraph: reader.Subgraph, tensor: int) -> bool | None:
    makers = {index: op for op in subgraph.operators for index in op.outputs}
    while (op := makers.get(tensor)) is not None:
        if op.type not in _PASSING:
            return True if op.type in _PROBABILITIES else (False if op.type in _LINEAR else None)
        tensor = op.inputs[0]
    return None


def _step(subgraph: reader.Subgraph, tensor: int) -> float | None:
    makers = {index: op for op in subgraph.operators for index in op.outputs}
    while True:
        stored = subgraph.tensors[tensor]
        if stored.quantization is not None and stored.dtype.startswith(("int", "uint")):
            return float(stored.quantization.scale[0])
        op = makers.get(tensor)
        if op is None or op.type not in _PASSING:
            return None
        tensor = op.inputs[0]
