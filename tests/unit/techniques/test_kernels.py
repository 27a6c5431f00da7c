"""Which kernels a layer holds, itself and within, and what they are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.techniques._kernels import by_name, can_thin_out, kernels_of


def layer(kind: str, name: str = "one", **attributes: Any) -> Any:
    """Something that looks like a layer of that type."""
    return type(kind, (), {"name": name, **attributes})()


def cell(kind: str = "LSTMCell") -> Any:
    return layer(kind, kernel=np.zeros((3, 8)), recurrent_kernel=np.ones((2, 8)))


def dense() -> Any:
    return layer("Dense", "inner", kernel=np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("made", "names"),
    [
        (dense(), ["inner"]),
        (layer("TimeDistributed", layer=dense()), ["one"]),
        (layer("LSTM", cell=cell()), ["one/kernel", "one/recurrent_kernel"]),
        (
            layer(
                "Bidirectional",
                forward_layer=layer("GRU", cell=cell("GRUCell")),
                backward_layer=layer("GRU", cell=cell("GRUCell")),
            ),
            [
                f"one/{way}/{what}"
                for way in ("forward", "backward")
                for what in ("kernel", "recurrent_kernel")
            ],
        ),
        (
            layer("RNN", cell=layer("StackedRNNCells", cells=[cell()])),
            ["one/0/kernel", "one/0/recurrent_kernel"],
        ),
        (layer("ReLU"), []),
    ],
)
def test_kernels_are_named_after_their_layer_and_their_place_in_it(
    made: Any, names: list[str]
) -> None:
    assert list(by_name([made])) == names
    assert can_thin_out(made) == bool(names)


def test_gates_are_those_of_the_cell() -> None:
    made = layer("Bidirectional", forward_layer=layer("LSTM", cell=cell()), backward_layer=dense())
    assert [(one.kind, one.gates) for one in kernels_of(made)] == [
        ("LSTMCell", 4),
        ("LSTMCell", 4),
        ("Dense", 1),
    ]


def test_depthwise_kernels_are_left_alone_also_within_a_layer() -> None:
    depthwise = layer("DepthwiseConv2D", depthwise_kernel=np.zeros((3, 3, 4, 1)))
    assert not can_thin_out(depthwise)
    assert not can_thin_out(layer("TimeDistributed", layer=depthwise))
