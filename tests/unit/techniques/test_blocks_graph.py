"""Which blocks can be left out: the graph alone, no Keras."""

from __future__ import annotations

import pytest

from bench.techniques._blocks_graph import blocks
from tests.unit.techniques.nets import Net

FULL = ("Conv2D", "Dense")


def names(net: Net, *outputs: int, inputs: tuple[int, ...] = (0,)) -> list[tuple[str, ...]]:
    """The layers of each block."""
    kernels = {
        call.layer: "depthwise" if call.kind.startswith("Depthwise") else "full"
        for call in net.calls
        if call.kind in FULL or call.kind.startswith("Depthwise")
    }
    return [block.layers for block in blocks(net.calls, inputs, outputs, kernels)]  # type: ignore[arg-type]


def conv(net: Net, name: str, x: int, channels: int, kind: str = "Conv2D") -> int:
    x = net.add(name, kind, x, shape=channels)
    x = net.add(f"{name}_bn", "BatchNormalization", x)
    return net.add(f"{name}_relu", "ReLU", x)


def test_a_convolution_goes_with_what_follows_it() -> None:
    net = Net(3)
    x = conv(net, "a", 0, 8)
    x = conv(net, "b", x, 8)
    x = conv(net, "c", x, 16)
    x = net.add("out", "Dense", x, shape=4)
    assert names(net, x) == [("b", "b_bn", "b_relu")]


def test_a_depthwise_convolution_belongs_to_the_pointwise_one_after_it() -> None:
    net = Net(3)
    x = conv(net, "stem", 0, 8)
    x = conv(net, "wide_dw", x, 8, "DepthwiseConv2D")
    x = conv(net, "wide", x, 16)
    x = conv(net, "same_dw", x, 16, "DepthwiseConv2D")
    x = conv(net, "same", x, 16)
    x = net.add("out", "Dense", x, shape=4)
    (block,) = names(net, x)
    assert block == (
        *("same_dw", "same_dw_bn", "same_dw_relu"),
        *("same", "same_bn", "same_relu"),
    )


def test_of_a_residual_network_each_block_with_its_sum_goes_and_no_part_of_it() -> None:
    net = Net(3)
    x = conv(net, "stem", 0, 8)
    for number in (1, 2):
        y = conv(net, f"a{number}", x, 8)
        y = net.add(f"b{number}", "Conv2D", y)
        x = net.add(f"sum{number}", "Add", x, y)
        x = net.add(f"after{number}", "ReLU", x)
    x = net.add("out", "Dense", x, shape=4)
    first, second = names(net, x)
    assert first == ("a1", "a1_bn", "a1_relu", "b1", "sum1", "after1")
    assert second == ("a2", "a2_bn", "a2_relu", "b2", "sum2", "after2")


def test_a_pool_or_a_projection_keeps_its_block() -> None:
    net = Net(3)
    x = conv(net, "a", 0, 8)
    y = net.add("b", "Conv2D", x, shape=16)
    x = net.add("project", "Conv2D", x, shape=16)
    x = net.add("sum", "Add", x, y)
    x = conv(net, "c", x, 16)
    x = net.add("pool", "MaxPooling2D", x, shape=(2, 2, 16))
    x = net.add("out", "Dense", x, shape=4)
    assert names(net, x) == [("c", "c_bn", "c_relu")], "the pool stays"


def test_padding_goes_with_the_convolution_it_is_for() -> None:
    net = Net(3)
    x = conv(net, "a", 0, 8)
    x = net.add("pad", "ZeroPadding2D", x, shape=(6, 6, 8))
    x = net.add("b", "Conv2D", x, shape=(4, 4, 8))
    x = net.add("out", "Dense", x, shape=4)
    assert names(net, x) == [("pad", "b")]


@pytest.mark.parametrize("shown", [True, False])
def test_what_the_model_answers_with_stays(shown: bool) -> None:
    net = Net(3)
    x = net.add("a", "Conv2D", 0, shape=8)
    b = net.add("b", "Conv2D", x)
    out = net.add("out", "Dense", b, shape=4)
    assert names(net, out, *([b] if shown else [])) == ([] if shown else [("b",)])


def test_a_layer_that_is_called_twice_stays() -> None:
    net = Net(3)
    x = net.add("a", "Conv2D", 0, shape=8)
    x = net.add("b", "Conv2D", net.add("b", "Conv2D", x))
    assert names(net, net.add("out", "Dense", x, shape=4)) == []


def test_a_block_within_one_of_two_branches_stays() -> None:
    """Beside it something else is still needed."""
    net = Net(3)
    x = net.add("a", "Conv2D", 0, shape=8)
    left = net.add("b", "Conv2D", x)
    right = net.add("c", "Conv2D", x, shape=4)
    left = net.add("d", "Conv2D", left)
    x = net.add("join", "Concatenate", left, right, shape=12)
    assert names(net, net.add("out", "Dense", x, shape=4)) == []


def test_two_inputs_have_no_block_before_they_are_joined() -> None:
    net = Net(8, 8)
    a = net.add("a", "Conv2D", 0)
    x = net.add("sum", "Add", a, 1)
    x = net.add("b", "Conv2D", x)
    assert names(net, net.add("out", "Dense", x, shape=4), inputs=(0, 1)) == [("b",)]
