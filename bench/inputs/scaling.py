"""Notice samples that were not scaled as the model expects, by their values and the model's entry.

A model of pictures either scales bytes itself (a ``Rescaling`` or ``Normalization`` layer) or takes
scaled values. Samples of the other kind give figures that mean nothing, and no error. So the first
ops behind an input are held against the samples' values. The converter turns such a layer into a
MUL and perhaps an ADD, or folds the factor into the first kernel, whose weights are then far
smaller than those that training begins with (Glorot and Bengio, 2010). A quantized input tells its
range by its scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.data import Array, Data
from bench.inputs import InputSpec
from bench.tflite import reader
from bench.values import ReportWarning, Variant

LOOKED_AT = 256
"""So many samples are looked at."""

LEAST_VALUES = 64
"""In one sample: a few columns of a table may well hold whole numbers up to 255."""

_BYTE = 255
_DIM = 100
"""Bytes of pictures reach this, labels and other small numbers seldom do."""

_STRONG_FACTOR = 1 / 64
_UNIT = 2.0
"""Values that were scaled to 0…1, to -1…1 or by a deviation hardly reach beyond this."""

_FOLDED = 1 / 8
"""Greatest weight of a first kernel's typical filter, as a share of Glorot's bound: below it a
factor was folded. Training and a folded BatchNormalization make weights rather greater: trained
nets without a factor had 1 to 10 here, one with 1/255 and BatchNormalization folded had 1/26."""

_ARITHMETIC = {"MUL", "DIV", "ADD", "SUB", "L2_NORMALIZATION", "MEAN", "SQUARED_DIFFERENCE"}
_PASSING = {
    "CAST", "DEQUANTIZE", "EXPAND_DIMS", "MIRROR_PAD", "PAD", "PADV2", "QUANTIZE", "RESHAPE",
    "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SLICE", "SQUEEZE", "STRIDED_SLICE",
    "TRANSPOSE",
}  # fmt: skip
"""Ops that move values and do not scale them."""


def scaling_warnings(
    data: Data, specs: Sequence[InputSpec], baseline: Variant
) -> tuple[ReportWarning, ...]:
    """A warning for each input whose samples look as if scaling was forgotten, or done twice.

    Args:
        data: fitted to the baseline.
        specs: the baseline's inputs.
        baseline: a .tflite whose signature is known.
    """
    split = next((data.splits[name] for name in ("test", "train") if name in data.splits), None)
    if split is None:
        return ()
    found = []
    for spec in specs:
        if spec.dtype == "string" or np.dtype(spec.dtype).kind not in "iuf":
            continue
        values = np.asarray(split.x[spec.name][:LOOKED_AT])
        if values[0].size < LEAST_VALUES:
            continue
        if spec.scale:
            words = _against_range(values, spec)
        elif np.dtype(spec.dtype).kind == "f":
            words = _against_factor(values, factor_of(baseline, spec))
        else:
            words = ""
        if words:
            hint = "scale the samples as those that the model was trained on"
            found.append(ReportWarning("scaling", f"input {spec.name}: {words}", hint))
    return tuple(found)


def _against_factor(values: Array, factor: float | None) -> str:
    least, most = float(values.min()), float(values.max())
    bytes_like = _DIM < most <= _BYTE and least >= 0 and bool((np.rint(values) == values).all())
    if factor is None and bytes_like:
        return f"samples are whole numbers up to {most:g}, and the model does not scale them"
    if factor is not None and abs(factor) <= _STRONG_FACTOR and -_UNIT <= least <= most <= _UNIT:
        return (
            f"samples lie between {least:.3g} and {most:.3g}, and the model itself multiplies them "
            f"by about {factor:.2g}"
        )
    return ""


def _against_range(values: Array, spec: InputSpec) -> str:
    assert spec.scale is not None
    limits = np.iinfo(spec.dtype)
    low, high = ((limit - spec.zero_point) * spec.scale for limit in (limits.min, limits.max))
    least, most = float(values.min()), float(values.max())
    span = high - low
    if least < low - span or most > high + span or most - least < span * _STRONG_FACTOR:
        return (
            f"samples lie between {least:.3g} and {most:.3g}, and the model's input holds "
            f"{low:.3g} to {high:.3g}"
        )
    return ""


def factor_of(variant: Variant, spec: InputSpec) -> float | None:
    """What a model multiplies an input by before anything else; None where it does not scale it.

    Raises:
        ModelError: the file is not an intact .tflite.
    """
    graph = reader.load(variant.path)
    number = next((s.subgraph for s in graph.signatures if s.key == variant.signature), 0)
    subgraph = graph.subgraphs[number]
    name = spec.tensor or spec.name
    tensor = next(i for i in subgraph.inputs if i >= 0 and subgraph.tensors[i].name == name)
    factor, scales = 1.0, False
    while True:
        users = [op for op in subgraph.operators if tensor in op.inputs]
        if len(users) != 1 or len(users[0].outputs) != 1:
            break
        op = users[0]
        if op.type in _ARITHMETIC:
            scales = True
            factor *= _constant_factor(subgraph, op)
        elif op.type not in _PASSING:
            folded = _folded_factor(subgraph, op)
            return factor * folded if scales or folded < _FOLDED else None
        tensor = op.outputs[0]
    return factor if scales else None


def _folded_factor(subgraph: reader.Subgraph, op: reader.Operator) -> float:
    """How much smaller a first kernel's weights are than those that training begins with, or 1.

    Glorot's uniform weights reach to the root of 6 / (fan in + fan out).
    """
    kernels = {"CONV_2D": 1, "FULLY_CONNECTED": 1}
    if op.type not in kernels or len(op.inputs) <= kernels[op.type]:
        return 1.0
    tensor = subgraph.tensors[op.inputs[kernels[op.type]]]
    if tensor.data is None or tensor.dtype != "float32" or len(tensor.shape) < 2:
        return 1.0
    out, *window, into = tensor.shape  # CONV_2D [out, height, width, in], FULLY_CONNECTED [out, in]
    bound = math.sqrt(6 / (math.prod(window) * (into + out)))
    filters = np.abs(np.frombuffer(tensor.data.tobytes(), np.float32)).reshape(out, -1)
    return min(float(np.median(filters.max(axis=1, initial=0.0))) / bound, 1.0)


def _constant_factor(subgraph: reader.Subgraph, op: reader.Operator) -> float:
    """The greatest factor of a MUL or DIV by a constant, else 1."""
    constants = [subgraph.tensors[i] for i in op.inputs if i >= 0]
    stored = [tensor for tensor in constants if tensor.data is not None]
    if op.type not in ("MUL", "DIV") or not stored or stored[0].dtype != "float32":
        return 1.0
    assert stored[0].data is not None
    values = np.frombuffer(stored[0].data.tobytes(), np.float32)
    most = float(np.abs(values).max(initial=0.0))
    return most if op.type == "MUL" or most == 0 else 1 / most
