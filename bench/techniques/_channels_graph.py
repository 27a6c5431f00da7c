"""Which channels of a network are pruned as one group. Pure numpy; no Keras here.

Every output channel of a convolution or dense layer is a *unit*. Following the tensors through the
network, each channel of each tensor is labelled with the units it is made of. Where two tensors are
added, their channels must go together: their units are tied (a residual block). Where tensors are
joined, labels are joined (offsets come out right by themselves); flattening repeats them. In the
end a removed unit says which slices of which weights go, in its own layer and in all that follow.

The method is that of dependency graphs (Fang et al., "DepGraph: Towards Any Structural Pruning",
CVPR 2023), on labels instead of rules per pair of layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bench.errors import BuildError

Labels = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

PRODUCERS = frozenset(
    {
        "Conv1D",
        "Conv2D",
        "Conv3D",
        "Conv2DTranspose",
        "SeparableConv1D",
        "SeparableConv2D",
        "Dense",
    }
)
"""Layers whose output channels are units of their own."""

DEPTHWISE = frozenset({"DepthwiseConv1D", "DepthwiseConv2D"})
"""Layers that make ``multiplier`` channels of each input channel."""

ELEMENTWISE = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"})
"""Layers that combine equal channels of several tensors."""

PER_CHANNEL = frozenset({"BatchNormalization", "PReLU"})
"""Layers with weights per channel."""

TRANSPARENT = frozenset(
    {
        *("Activation", "ReLU", "LeakyReLU", "ELU", "ThresholdedReLU"),
        *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout"),
        *("MaxPooling1D", "MaxPooling2D", "MaxPooling3D"),
        *("AveragePooling1D", "AveragePooling2D", "AveragePooling3D"),
        *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
        *("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
        *("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping1D", "Cropping2D"),
        *("UpSampling1D", "UpSampling2D", "UpSampling3D", "Rescaling", "Softmax"),
    }
)
"""Layers that leave channels what they are."""


@dataclass(frozen=True)
class Call:
    """One call of a layer.

    Attributes:
        layer: its name.
        kind: its type, such as ``Conv2D``.
        inputs: numbers of the input tensors.
        output: number of the output tensor.
        input_shapes: of the inputs, without the axis of samples.
        output_shape: of the output, without the axis of samples.
        axis: of ``Concatenate``, counted from the end, so -1 is the channels'.
        multiplier: of depthwise and separable layers.
        fixed: the layer's channels may not be touched (grouped convolutions, channels first).
    """

    layer: str
    kind: str
    inputs: tuple[int, ...]
    output: int
    input_shapes: tuple[tuple[int | None, ...], ...]
    output_shape: tuple[int | None, ...]
    axis: int = -1
    multiplier: int = 1
    fixed: bool = False


@dataclass(frozen=True)
class Family:
    """Layers whose units are tied, so that they keep equally many.

    Attributes:
        layers: their names, in order of calls.
        groups: units that are pruned as one: (layer, channel) pairs of each group.
    """

    layers: tuple[str, ...]
    groups: tuple[tuple[tuple[str, int], ...], ...]


@dataclass
class Network:
    """The labelled network; see :func:`label`.

    Attributes:
        inputs_of: layer to the labels of its input channels (of weights' input axis).
        outputs_of: layer to the labels of its output channels.
        reshaped: Reshape layer to the labels of its output channels.
        families: what may be removed.
        untouched: layers with units that must all stay, to the reason.
    """

    inputs_of: dict[str, Labels]
    outputs_of: dict[str, Labels]
    reshaped: dict[str, Labels]
    families: tuple[Family, ...]
    untouched: dict[str, str]
    _root: Labels = field(repr=False)
    _units: dict[str, int] = field(repr=False)

    def keep_masks(self, removed: Sequence[tuple[str, int]]) -> tuple[dict[str, Mask], ...]:
        """Which input and which output channels of each layer stay.

        Args:
            removed: (layer, channel) pairs; units tied to them go too.
        """
        return (
            {name: self.alive(one, removed) for name, one in self.inputs_of.items()},
            {name: self.alive(one, removed) for name, one in self.outputs_of.items()},
        )

    def alive(self, labels: Labels, removed: Sequence[tuple[str, int]]) -> Mask:
        """Which of these channels stay."""
        gone = [int(self._root[self._units[layer] + channel]) for layer, channel in removed]
        dead = np.isin(self._root, gone)
        alive: Mask = (labels < 0) | ~dead[np.maximum(labels, 0)]
        return alive


class _Labeller:
    """Walks the calls once. Label -1 is a channel that is no unit's: it always stays."""

    def __init__(self) -> None:
        self.parent: list[int] = []
        self.units: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self.why_fixed: dict[int, str] = {}
        self.tensors: dict[int, Labels] = {}
        self.inputs_of: dict[str, Labels] = {}
        self.outputs_of: dict[str, Labels] = {}
        self.reshaped: dict[str, Labels] = {}

    def root(self, unit: int) -> int:
        while self.parent[unit] != unit:
            self.parent[unit] = self.parent[self.parent[unit]]
            unit = self.parent[unit]
        return unit

    def tie(self, left: Labels, right: Labels, reason: str) -> None:
        """Channels of both go together; where one side is no unit, the other must stay."""
        for a, b in zip(left.tolist(), right.tolist(), strict=True):
            if a < 0 or b < 0:
                self.fix(np.array([max(a, b)]), reason)
            else:
                self.parent[self.root(b)] = self.root(a)

    def fix(self, labels: Labels, reason: str) -> None:
        """These units must stay."""
        for unit in labels[labels >= 0].tolist():
            self.why_fixed.setdefault(unit, reason)

    def new_units(self, layer: str, count: int) -> Labels:
        if layer not in self.units:
            self.units[layer], self.sizes[layer] = len(self.parent), count
            self.parent.extend(range(len(self.parent), len(self.parent) + count))
        return np.arange(self.units[layer], self.units[layer] + count)

    def remember(self, table: dict[str, Labels], layer: str, labels: Labels) -> None:
        """A layer that is called again must see the same channels."""
        if layer in table:
            self.tie(table[layer], labels, f"{layer} is called on different channels")
        else:
            table[layer] = labels

    def call(self, call: Call) -> Labels:
        """Labels of the output's channels."""
        handlers: dict[str, Callable[[Call], Labels]] = {
            **dict.fromkeys(PRODUCERS, self.produce),
            **dict.fromkeys(DEPTHWISE | PER_CHANNEL, self.scale),
            **dict.fromkeys(TRANSPARENT, lambda one: self.tensors[one.inputs[0]]),
            **dict.fromkeys(ELEMENTWISE, self.combine),
            "Concatenate": self.join,
            "Flatten": self.reshape,
            "Reshape": self.reshape,
        }
        several = len(call.inputs) > 1 and call.kind not in ELEMENTWISE | {"Concatenate"}
        if call.fixed or several or call.kind not in handlers:
            return self.opaque(call)
        return handlers[call.kind](call)

    def produce(self, call: Call) -> Labels:
        channels = call.output_shape[-1]
        assert channels is not None
        self.remember(self.inputs_of, call.layer, self.tensors[call.inputs[0]])
        self.outputs_of[call.layer] = self.new_units(call.layer, channels)
        return self.outputs_of[call.layer]

    def scale(self, call: Call) -> Labels:
        first = self.tensors[call.inputs[0]]
        self.remember(self.inputs_of, call.layer, first)
        self.outputs_of[call.layer] = np.repeat(first, call.multiplier)
        return self.outputs_of[call.layer]

    def combine(self, call: Call) -> Labels:
        """Equal channels are tied; a single channel that is spread over many must stay."""
        tensors = [self.tensors[number] for number in call.inputs]
        size = max(len(labels) for labels in tensors)
        full = [labels for labels in tensors if len(labels) == size]
        for labels in tensors:
            if len(labels) != size:
                self.fix(labels, f"{call.layer} spreads it over other channels")
        for labels in full[1:]:
            self.tie(full[0], labels, f"{call.layer} adds channels that must stay")
        return full[0]

    def join(self, call: Call) -> Labels:
        tensors = [self.tensors[number] for number in call.inputs]
        if call.axis == -1:
            return np.concatenate(tensors)
        for labels in tensors[1:]:
            self.tie(tensors[0], labels, f"{call.layer} joins channels that must stay")
        return tensors[0]

    def reshape(self, call: Call) -> Labels:
        """Channels that stay the last axis, or that are flattened together with all before it."""
        labels, shape, out = self.tensors[call.inputs[0]], call.input_shapes[0], call.output_shape
        if out and shape and out[-1] == shape[-1] and call.kind == "Reshape":
            self.remember(self.reshaped, call.layer, labels)
            return labels
        if len(out) == 1 and out[0] is not None and len(labels):
            return np.tile(labels, out[0] // len(labels))
        return self.opaque(call)

    def opaque(self, call: Call) -> Labels:
        """We cannot look through this layer: what goes in must stay, what comes out is no unit."""
        for number in call.inputs:
            self.fix(self.tensors[number], f"it goes into {call.layer} ({call.kind})")
        size = call.output_shape[-1] if call.output_shape else 1
        return np.full(size or 1, -1, np.int64)


def label(calls: Sequence[Call], inputs: Mapping[int, int], outputs: Sequence[int]) -> Network:
    """Follow all channels through the network.

    Args:
        calls: in an order in which inputs come before what uses them.
        inputs: number of each input tensor of the model to its channels.
        outputs: numbers of the model's output tensors, whose channels must stay.
    """
    labeller = _Labeller()
    for number, channels in inputs.items():
        labeller.tensors[number] = np.full(channels, -1, np.int64)
    for call in calls:
        labeller.tensors[call.output] = labeller.call(call)
    for number in outputs:
        labeller.fix(labeller.tensors[number], "it is the model's output")
    root = np.array([labeller.root(unit) for unit in range(len(labeller.parent))], np.int64)
    families, untouched = _families(labeller, root)
    return Network(
        labeller.inputs_of,
        labeller.outputs_of,
        labeller.reshaped,
        families,
        untouched,
        root,
        labeller.units,
    )


def _families(labeller: _Labeller, root: Labels) -> tuple[tuple[Family, ...], dict[str, str]]:
    """Group the units, and the layers whose units are tied."""
    reasons = {int(root[unit]): why for unit, why in labeller.why_fixed.items()}
    members: dict[int, list[tuple[str, int]]] = {}
    home: dict[str, str] = {layer: layer for layer in labeller.units}

    def head(layer: str) -> str:
        while home[layer] != layer:
            layer = home[layer]
        return layer

    for layer, start in labeller.units.items():
        for channel in range(labeller.sizes[layer]):
            group = members.setdefault(int(root[start + channel]), [])
            if group:
                home[head(layer)] = head(group[0][0])
            group.append((layer, channel))
    by_family: dict[str, list[tuple[tuple[str, int], ...]]] = {}
    untouched: dict[str, str] = {}
    for unit, group in members.items():
        if unit in reasons:
            untouched.update({layer: reasons[unit] for layer, _ in group})
        else:
            by_family.setdefault(head(group[0][0]), []).append(tuple(group))
    families = []
    for groups in by_family.values():
        layers = tuple(dict.fromkeys(layer for group in groups for layer, _ in group))
        # Units that must stay within a family stay; the rest of it may still be thinned.
        families.append(Family(layers, tuple(groups)))
    wholly = {layer for family in families for layer in family.layers}
    return tuple(families), {k: why for k, why in untouched.items() if k not in wholly}


def kept_of(count: int, fraction: float, multiple: int) -> int:
    """How many of ``count`` channels stay, at least one.

    Kernels of CPUs and accelerators work on whole vectors of channels, and 77 cost as much as 80:
    so a multiple is kept, where the layer has at least two of them.
    """
    if count < 2 * multiple:
        return max(1, count - round(fraction * count))
    return min(count, multiple * max(1, round((1 - fraction) * count / multiple)))


def choose(
    family: Family,
    scores: Mapping[str, npt.NDArray[np.floating]],
    fraction: float,
    multiple: int = 1,
) -> list[tuple[str, int]]:
    """The units to remove from a family: the groups of least importance, at least one group stays.

    Args:
        family: tied layers.
        scores: importance of each unit (channels,), by layer; made comparable by each layer's mean.
        fraction: of the groups to remove, within [0, 1).
        multiple: see :func:`kept_of`.

    Raises:
        BuildError: a layer's importance is not finite.
    """
    values = []
    for group in family.groups:
        parts = []
        for layer, channel in group:
            mean = float(np.mean(scores[layer]))
            if not np.isfinite(mean):
                raise BuildError(
                    f"layer {layer} has weights that are not finite", hint="train the model anew"
                )
            parts.append(float(scores[layer][channel]) / (mean or 1.0))
        values.append(float(np.mean(parts)))
    count = len(values) - kept_of(len(values), fraction, multiple)
    order = np.argsort(np.array(values), kind="stable")[:count]
    return [unit for index in order for unit in family.groups[index]]
