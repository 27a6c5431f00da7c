"""The facts of a .tflite as tables for people."""

from __future__ import annotations

from typing import Any

from bench.tflite.values import FileFacts, Signature


def fact_rows(facts: FileFacts) -> dict[str, list[dict[str, Any]]]:
    """The facts as tables: a title to rows, each a column's heading to its cell.

    Titles are ``model``, ``inputs and outputs``, ``ops`` and ``weights``.
    """
    return {
        "model": _model_rows(facts),
        "inputs and outputs": _port_rows(facts),
        "ops": [
            {
                "op": name,
                "count": op.count,
                "version": op.max_version,
                "in float": facts.float_ops.get(name, 0),
            }
            for name, op in facts.ops.items()
        ],
        "weights": [
            {
                "tensor": weight.name,
                "op": weight.op,
                "shape": _shape(weight.shape),
                "type": weight.dtype,
                "zeros": _percent(weight.sparsity),
                "unique": weight.unique,
                "unique per channel": weight.unique_max_per_channel,
                "bytes": weight.stored_bytes,
                "index-coded": weight.index_coded_bytes,
            }
            for weight in facts.weights
        ],
    }


def _port_rows(facts: FileFacts) -> list[dict[str, Any]]:
    """Inputs and outputs by signature; the names are those that ``--input-shape`` takes."""
    signatures = facts.signatures or {"none": Signature(facts.inputs, facts.outputs)}
    return [
        {
            "signature": key if (kind, place) == ("input", 0) else "",
            "": kind,
            "name": port.name,
            "shape": _shape(port.shape_signature or port.shape),
            "type": port.dtype,
            "scale": port.scale,
            "zero point": port.zero_point,
            "tensor": port.tensor or port.name,
        }
        for key, signature in signatures.items()
        for kind, ports in (("input", signature.inputs), ("output", signature.outputs))
        for place, port in enumerate(ports)
    ]


def _model_rows(facts: FileFacts) -> list[dict[str, Any]]:
    arithmetic = ", ".join(f"{n} {kind}" for kind, n in facts.arithmetic.items() if n)
    cells = {
        "size": f"{facts.size_bytes:,} bytes",
        "zipped": f"{facts.zipped_bytes:,} bytes",
        "index-coded": f"{facts.index_coded_bytes:,} bytes",
        "parameters": f"{facts.parameters:,}",
        "zero weights": _percent(facts.sparsity),
        "most unique weights in a channel": facts.unique_max_per_channel,
        "ops": arithmetic or "none",
        "ops in int8": _percent(facts.int8_share),
        "converter": facts.converter_version or facts.description or "unknown",
        "oldest runtime": facts.min_runtime_version or "unknown",
        "sha256": facts.sha256,
    }
    return [{"fact": name, "value": value} for name, value in cells.items()]


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{100 * fraction:.1f} %"


def _shape(sizes: tuple[int, ...]) -> str:
    return "×".join("?" if size < 0 else str(size) for size in sizes) or "scalar"
