"""The kernels of a model's layers, also those within: of recurrent cells, wrappers, attention."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from bench.techniques._model import KERNELS

_PARTS: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "TimeDistributed": (("", "layer"),),
        "Bidirectional": (("forward", "forward_layer"), ("backward", "backward_layer")),
        **dict.fromkeys(
            ("LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D"), (("", "cell"),)
        ),
        "MultiHeadAttention": (
            ("query", "_query_dense"),
            ("key", "_key_dense"),
            ("value", "_value_dense"),
            ("output", "_output_dense"),
        ),
    }
)
"""Layer type to the layers it is made of: what each is called here, and its attribute."""

_CELLS: Mapping[str, int] = MappingProxyType(
    {"LSTMCell": 4, "GRUCell": 3, "SimpleRNNCell": 1, "ConvLSTM1DCell": 4, "ConvLSTM2DCell": 4}
)
"""Type of recurrent cell to its gates, whose weights lie side by side in one kernel."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """Weights that matter for size.

    Attributes:
        name: the layer's, with what it is within the layer where that holds several, such as
            ``memory/forward/recurrent_kernel``.
        kind: type of the layer right around it, such as ``Conv2D`` within a ``TimeDistributed``.
        variable: of tf_keras.
        gates: parts that the converter may store each on its own; 1 where there are none.
    """

    name: str
    kind: str
    variable: Any
    gates: int = 1

    @property
    def elements(self) -> int:
        """How many weights it holds."""
        return int(self.variable.shape.num_elements())


def kernels_of(layer: Any) -> tuple[Kernel, ...]:
    """A layer's kernels, those of layers within it too; none where it has no such weights."""
    found = tuple(_within(layer))
    if len(found) == 1:
        return (Kernel(layer.name, found[0].kind, found[0].variable, found[0].gates),)
    return tuple(
        Kernel(f"{layer.name}/{one.name}", one.kind, one.variable, one.gates) for one in found
    )


def by_name(layers: Iterable[Any]) -> dict[str, Kernel]:
    """All kernels of some layers."""
    return {kernel.name: kernel for layer in layers for kernel in kernels_of(layer)}


def variables_of(model: Any) -> dict[str, Any]:
    """The variables of all kernels of a model, by the kernels' names."""
    return {name: kernel.variable for name, kernel in by_name(model.layers).items()}


def can_thin_out(layer: Any) -> bool:
    """Whether a layer has kernels to prune and cluster; depthwise ones are too small for it."""
    found = kernels_of(layer)
    return bool(found) and all(kernel.kind != "DepthwiseConv2D" for kernel in found)


def _within(layer: Any) -> Iterator[Kernel]:
    """Kernels by what they are within the layer, empty for its only one."""
    kind = type(layer).__name__
    if kind in KERNELS:
        yield Kernel("", kind, getattr(layer, KERNELS[kind]))
    elif kind == "EinsumDense":
        yield Kernel("", kind, layer.kernel)
    elif kind in _CELLS:
        for name in ("kernel", "recurrent_kernel"):
            yield Kernel(name, kind, getattr(layer, name), _CELLS[kind])
    for name, part in _parts(layer, kind):
        for kernel in _within(part):
            inner = "/".join(filter(None, (name, kernel.name)))
            yield Kernel(inner, kernel.kind, kernel.variable, kernel.gates)


def _parts(layer: Any, kind: str) -> Iterator[tuple[str, Any]]:
    if kind == "StackedRNNCells":
        yield from ((str(number), cell) for number, cell in enumerate(layer.cells))
    for name, attribute in _PARTS.get(kind, ()):
        yield name, getattr(layer, attribute)
