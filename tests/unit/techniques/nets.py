"""Calls of layers as a model would make them, with no Keras behind them."""

from __future__ import annotations

from bench.techniques._channels_graph import Call, Network, label


class Net:
    """Builds calls; tensors are numbered by the order in which they are made."""

    def __init__(self, *channels: int, size: int = 4) -> None:
        self.shapes: list[tuple[int | None, ...]] = [(size, size, c) for c in channels]
        self.inputs = dict(enumerate(channels))
        self.calls: list[Call] = []

    def add(
        self,
        layer: str,
        kind: str,
        *inputs: int,
        shape: tuple[int | None, ...] | int | None = None,
        **more: int | bool,
    ) -> int:
        first = self.shapes[inputs[0]]
        if shape is None:
            shape = first
        if isinstance(shape, int):
            shape = (*first[:-1], shape)
        output = len(self.shapes)
        self.shapes.append(shape)
        self.calls.append(
            Call(layer, kind, inputs, output, tuple(self.shapes[i] for i in inputs), shape, **more)  # type: ignore[arg-type]
        )
        return output

    def label(self, *outputs: int) -> Network:
        return label(self.calls, self.inputs, outputs)
