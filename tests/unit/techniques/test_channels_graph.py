"""Which channels live and die together: the graph alone, no Keras."""

from __future__ import annotations

import numpy as np
import pytest

from bench.errors import BuildError
from bench.techniques._channels_graph import Family, Network, choose, kept_of
from tests.unit.techniques.nets import Net


def families(network: Network) -> set[tuple[str, ...]]:
    return {family.layers for family in network.families}


def test_a_chain_slices_what_follows_and_keeps_the_output() -> None:
    net = Net(3)
    x = net.add("a", "Conv2D", 0, shape=4)
    x = net.add("norm", "BatchNormalization", x)
    x = net.add("relu", "ReLU", x)
    x = net.add("out", "Conv2D", x, shape=2)
    network = net.label(x)
    assert families(network) == {("a",)}
    assert network.untouched == {"out": "it is the model's output"}
    incoming, outgoing = network.keep_masks([("a", 1)])
    alive = [True, False, True, True]
    assert outgoing["a"].tolist() == alive
    assert outgoing["norm"].tolist() == alive
    assert incoming["out"].tolist() == alive
    assert incoming["a"].all()
    assert outgoing["out"].all()


def test_a_residual_sum_ties_both_branches() -> None:
    net = Net(3)
    a = net.add("a", "Conv2D", 0, shape=4)
    b = net.add("b", "Conv2D", a, shape=6)
    c = net.add("c", "Conv2D", b, shape=4)
    total = net.add("sum", "Add", a, c)
    network = net.label(net.add("out", "Dense", total, shape=2))
    assert families(network) == {("a", "c"), ("b",)}
    incoming, outgoing = network.keep_masks([("c", 2)])
    assert outgoing["a"].tolist() == outgoing["c"].tolist() == [True, True, False, True]
    assert incoming["b"].tolist() == incoming["out"].tolist() == [True, True, False, True]


def test_a_sum_with_the_input_must_stay() -> None:
    net = Net(3)
    a = net.add("a", "Conv2D", 0, shape=3)
    network = net.label(net.add("out", "Conv2D", net.add("sum", "Add", a, 0), shape=2))
    assert families(network) == set()
    assert "must stay" in network.untouched["a"]


def test_joined_tensors_keep_their_offsets() -> None:
    net = Net(3)
    a = net.add("a", "Conv2D", 0, shape=2)
    b = net.add("b", "Conv2D", 0, shape=3)
    joined = net.add("join", "Concatenate", a, b, shape=5)
    network = net.label(net.add("out", "Conv2D", joined, shape=1))
    incoming, _ = network.keep_masks([("a", 0), ("b", 2)])
    assert incoming["out"].tolist() == [False, True, True, True, False]


def test_joining_along_another_axis_ties_channels() -> None:
    net = Net(3)
    a = net.add("a", "Conv2D", 0, shape=4)
    b = net.add("b", "Conv2D", 0, shape=4)
    joined = net.add("join", "Concatenate", a, b, shape=(8, 4, 4), axis=-3)
    network = net.label(net.add("out", "Conv2D", joined, shape=1))
    assert families(network) == {("a", "b")}


def test_flattening_repeats_channels_for_each_place() -> None:
    net = Net(3, size=2)
    a = net.add("a", "Conv2D", 0, shape=2)
    flat = net.add("flat", "Flatten", a, shape=(8,))
    network = net.label(net.add("out", "Dense", flat, shape=3))
    incoming, _ = network.keep_masks([("a", 0)])
    assert incoming["out"].tolist() == [False, True] * 4


def test_depthwise_multiplies_and_passes_on() -> None:
    net = Net(3)
    a = net.add("a", "Conv2D", 0, shape=2)
    deep = net.add("deep", "DepthwiseConv2D", a, shape=4, multiplier=2)
    network = net.label(net.add("out", "Conv2D", deep, shape=3))
    incoming, outgoing = network.keep_masks([("a", 1)])
    assert incoming["deep"].tolist() == [True, False]
    assert outgoing["deep"].tolist() == incoming["out"].tolist() == [True, True, False, False]


def test_a_layer_that_is_called_twice_ties_its_inputs() -> None:
    net = Net(3)
    a = net.add("a", "Conv2D", 0, shape=4)
    b = net.add("b", "Conv2D", 0, shape=4)
    x, y = net.add("shared", "Conv2D", a, shape=2), net.add("shared", "Conv2D", b, shape=2)
    network = net.label(x, y)
    assert families(network) == {("a", "b")}


@pytest.mark.parametrize("more", [{"kind": "Custom"}, {"kind": "Conv2D", "fixed": True}])
def test_what_cannot_be_looked_through_must_be_fed_as_before(more: dict[str, object]) -> None:
    net = Net(3)
    a = net.add("a", "Conv2D", 0, shape=4)
    kind = str(more["kind"])
    x = net.add("odd", kind, a, shape=4, fixed=bool(more.get("fixed")))
    network = net.label(net.add("out", "Conv2D", x, shape=1))
    assert families(network) == set()
    assert network.untouched["a"] == f"it goes into odd ({kind})"


def test_a_gate_of_one_channel_stays_and_the_gated_do_not() -> None:
    net = Net(3)
    a = net.add("a", "Conv2D", 0, shape=4)
    gate = net.add("gate", "Conv2D", a, shape=1)
    gated = net.add("product", "Multiply", a, gate)
    network = net.label(net.add("out", "Conv2D", gated, shape=1))
    assert families(network) == {("a",)}
    assert "product" in network.untouched["gate"]


def family(*groups: tuple[tuple[str, int], ...]) -> Family:
    layers = tuple(dict.fromkeys(layer for group in groups for layer, _ in group))
    return Family(layers, groups)


def test_the_least_important_go() -> None:
    alone = family(*(((("a", i)),) for i in range(4)))
    scores = {"a": np.array([3.0, 1.0, 4.0, 2.0])}
    assert choose(alone, scores, 0.5) == [("a", 1), ("a", 3)]
    assert choose(alone, scores, 0.0) == []


def test_one_channel_always_stays() -> None:
    alone = family(*(((("a", i)),) for i in range(4)))
    assert len(choose(alone, {"a": np.arange(4.0)}, 0.99)) == 3


@pytest.mark.parametrize(
    ("count", "fraction", "multiple", "kept"),
    [
        (128, 0.5, 8, 64),
        (128, 0.4, 8, 80),
        (208, 0.4, 8, 128),
        (32, 0.99, 8, 8),
        (32, 0.1, 8, 32),
        (15, 0.5, 8, 7),
        (10, 0.25, 1, 8),
        (1, 0.9, 1, 1),
        (16, 0.0, 8, 16),
    ],
)
def test_whole_vectors_of_channels_stay(
    count: int, fraction: float, multiple: int, kept: int
) -> None:
    assert kept_of(count, fraction, multiple) == kept


def test_tied_channels_are_evaluated_together_on_one_scale() -> None:
    tied = family((("a", 0), ("b", 0)), (("a", 1), ("b", 1)))
    # By sums b would decide alone, as it is a hundred times larger.
    scores = {"a": np.array([1.0, 9.0]), "b": np.array([510.0, 490.0])}
    assert choose(tied, scores, 0.5) == [("a", 0), ("b", 0)]


def test_weights_that_are_not_finite_are_refused() -> None:
    with pytest.raises(BuildError, match="not finite"):
        choose(family((("a", 0),), (("a", 1),)), {"a": np.array([1.0, np.nan])}, 0.5)
