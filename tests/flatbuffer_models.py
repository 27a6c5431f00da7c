"""Tiny .tflite files by hand, for tests that may not load TensorFlow.

They are well-formed but need not compute anything sensible.
"""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

Array = np.ndarray[Any, Any]


class ModelBuilder:
    """Collects the tensors and operators of subgraphs, and packs them."""

    def __init__(self, description: str = "made by hand") -> None:
        self.model = schema.ModelT(
            version=3,
            description=description,
            operatorCodes=[],
            buffers=[schema.BufferT()],
            subgraphs=[],
            signatureDefs=[],
            metadata=[],
        )
        self.subgraph()

    def subgraph(self) -> None:
        """Add a further subgraph, which the next tensors and operators go to."""
        self.graph = schema.SubGraphT(tensors=[], operators=[], inputs=[], outputs=[], name="main")
        self.model.subgraphs.append(self.graph)

    def buffer(self, data: bytes) -> int:
        """Store bytes; gives the buffer's index."""
        self.model.buffers.append(schema.BufferT(data=np.frombuffer(data, np.uint8)))
        return len(self.model.buffers) - 1

    def tensor(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: str = "float32",
        *,
        data: Array | bytes | None = None,
        buffer: int = 0,
        scale: tuple[float, ...] = (),
        zero_point: tuple[int, ...] = (),
        dimension: int = 0,
        signature: tuple[int, ...] | None = None,
        sparsity: Any = None,
        external: int = 0,
    ) -> int:
        """Add a tensor; gives its index."""
        if data is not None:
            buffer = self.buffer(data if isinstance(data, bytes) else data.tobytes())
        quantization = None
        if scale:
            quantization = schema.QuantizationParametersT(
                scale=np.array(scale, np.float32),
                zeroPoint=np.array(zero_point or (0,) * len(scale), np.int64),
                quantizedDimension=dimension,
            )
        self.graph.tensors.append(
            schema.TensorT(
                shape=np.array(shape, np.int32),
                shapeSignature=None if signature is None else np.array(signature, np.int32),
                type=getattr(schema.TensorType, dtype.upper()),
                buffer=buffer,
                name=name,
                quantization=quantization,
                sparsity=sparsity,
                externalBuffer=external,
            )
        )
        return len(self.graph.tensors) - 1

    def op(
        self,
        name: str,
        inputs: list[int],
        outputs: list[int],
        *,
        version: int = 1,
        custom: bool = False,
    ) -> None:
        """Add an operator, builtin or custom."""
        code = schema.BuiltinOperator.CUSTOM if custom else getattr(schema.BuiltinOperator, name)
        self.model.operatorCodes.append(
            schema.OperatorCodeT(
                deprecatedBuiltinCode=min(code, 127),
                builtinCode=code,
                customCode=name if custom else None,
                version=version,
            )
        )
        self.graph.operators.append(
            schema.OperatorT(
                opcodeIndex=len(self.model.operatorCodes) - 1,
                inputs=np.array(inputs, np.int32),
                outputs=np.array(outputs, np.int32),
            )
        )

    def signature(self, key: str, inputs: dict[str, int], outputs: dict[str, int]) -> None:
        """Name the inputs and outputs of the current subgraph."""
        self.model.signatureDefs.append(
            schema.SignatureDefT(
                signatureKey=key,
                subgraphIndex=len(self.model.subgraphs) - 1,
                inputs=[schema.TensorMapT(name=n, tensorIndex=i) for n, i in inputs.items()],
                outputs=[schema.TensorMapT(name=n, tensorIndex=i) for n, i in outputs.items()],
            )
        )

    def metadata(self, name: str, data: bytes) -> None:
        """Add a note."""
        self.model.metadata.append(schema.MetadataT(name=name, buffer=self.buffer(data)))

    def pack(self, inputs: list[int] | None = None, outputs: list[int] | None = None) -> bytes:
        """The file's bytes; inputs and outputs are those of the last subgraph."""
        self.graph.inputs = np.array(inputs or [], np.int32)
        self.graph.outputs = np.array(outputs or [], np.int32)
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


def dense(
    weights: Array,
    dtype: str | None = None,
    *,
    data: bytes | None = None,
    activation: str = "float32",
    **weight_options: Any,
) -> bytes:
    """A model of one FULLY_CONNECTED layer with ``[out, in]`` weights and a bias.

    ``data`` is given where the weights are not stored as they are (packed or sparse).
    """
    out_size, in_size = weights.shape
    is_float = activation == "float32"
    port: dict[str, Any] = {} if is_float else {"scale": (0.5,), "zero_point": (3,)}
    bias: dict[str, Any] = {} if is_float else {"scale": (0.25,)}
    bias_type = "float32" if is_float else "int32"
    builder = ModelBuilder()
    x = builder.tensor("x", (1, in_size), activation, signature=(-1, in_size), **port)
    stored = weights.tobytes() if data is None else data
    weight_type = dtype or weights.dtype.name
    w = builder.tensor("w", weights.shape, weight_type, data=stored, **weight_options)
    b = builder.tensor("b", (out_size,), bias_type, data=np.ones(out_size, bias_type), **bias)
    y = builder.tensor("y", (1, out_size), activation, signature=(-1, out_size), **port)
    builder.op("FULLY_CONNECTED", [x, w, b], [y], version=4)
    builder.signature("serving_default", {"input": x}, {"output": y})
    builder.metadata("min_runtime_version", b"2.3.0".ljust(16, b"\0"))
    return builder.pack([x], [y])
