"""Samples that were scaled otherwise than the model expects are noticed, and others are not."""

from __future__ import annotations

import numpy as np
import pytest

from bench import build, data
from bench.inputs import launches
from bench.values import Plan
from tests.flatbuffer_models import ModelBuilder

SHAPE = (1, 8, 8, 3)
RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (20, 8, 8, 3)).astype(np.uint8)
UNIT = BYTES.astype(np.float32) / 255
NORMAL = RNG.normal(size=(20, 8, 8, 3)).astype(np.float32)


def model(*, multiplied=None, added=None, folded=1.0):
    """An input that is scaled by ops or in the weights of the first kernel, or not at all."""
    builder = ModelBuilder()
    x = tensor = builder.tensor("x", SHAPE)
    for name, op, value in (("by", "MUL", multiplied), ("to", "ADD", added)):
        if value is not None:
            constant = builder.tensor(name, (1,), data=np.array([value], np.float32))
            scaled = builder.tensor(f"{name}d", SHAPE)
            builder.op(op, [tensor, constant], [scaled])
            tensor = scaled
    weights = (RNG.uniform(-0.25, 0.25, (4, 3, 3, 3)) * folded).astype(np.float32)
    kernel = builder.tensor("kernel", (4, 3, 3, 3), data=weights)
    bias = builder.tensor("bias", (4,), data=np.zeros(4, np.float32))
    y = builder.tensor("y", (1, 6, 6, 4))
    builder.op("CONV_2D", [tensor, kernel, bias], [y])
    return builder.pack([x], [y])


@pytest.fixture
def warned(tmp_path, monkeypatch):
    monkeypatch.setenv("TFLITE_BENCH_CACHE", str(tmp_path / "cache"))

    def feed(content, x):
        path = tmp_path / "m.tflite"
        path.write_bytes(content)
        fed = launches.feed(build.ready([path]), Plan(), data.from_arrays("here", {"x_test": x}))
        return [warning.message for warning in fed.warnings]

    return feed


@pytest.mark.parametrize("x", [BYTES, BYTES.astype(np.float64), BYTES.astype(np.int64)])
def test_bytes_for_a_model_that_does_not_scale_them(warned, x):
    (words,) = warned(model(), x)
    assert "samples are whole numbers up to 255, and the model does not scale them" in words


@pytest.mark.parametrize("scales", [{"multiplied": 1 / 255}, {"folded": 1 / 255}])
def test_scaled_samples_for_a_model_that_scales_them_itself(warned, scales):
    (words,) = warned(model(**scales), UNIT)
    assert "the model itself multiplies them by about 0.00" in words


@pytest.mark.parametrize(
    ("scales", "x"),
    [
        ({}, UNIT),
        ({}, NORMAL),
        ({}, NORMAL * 60),
        ({}, np.minimum(BYTES, 9)),
        ({"multiplied": 1 / 255}, BYTES),
        ({"multiplied": 1 / 127.5, "added": -1.0}, BYTES),
        ({"folded": 1 / 255}, BYTES),
        ({"folded": 12 / 255}, BYTES),  # and a BatchNormalization that multiplies by 12
        ({"added": -127.0}, BYTES),
        ({"multiplied": 0.5}, UNIT),
    ],
)
def test_samples_as_the_model_takes_them_raise_no_warning(warned, scales, x):
    assert warned(model(**scales), x) == []


def test_a_few_columns_of_whole_numbers_are_no_picture(warned):
    builder = ModelBuilder()
    x, y = builder.tensor("x", (1, 6)), builder.tensor("y", (1, 6))
    builder.op("TANH", [x], [y])
    assert warned(builder.pack([x], [y]), np.full((5, 6), 200)) == []


@pytest.mark.parametrize(
    ("scale", "x", "told"),
    [
        (1 / 255, BYTES, True),
        (1.0, UNIT, True),
        (1.0, BYTES, False),
        (1 / 255, UNIT, False),
        (0.03, np.abs(NORMAL), False),
    ],
)
def test_a_quantized_input_tells_its_range(warned, scale, x, told):
    builder = ModelBuilder()
    i, o = (builder.tensor(n, SHAPE, "uint8", scale=(scale,), zero_point=(0,)) for n in "xy")
    builder.op("TANH", [i], [o])
    words = warned(builder.pack([i], [o]), x.astype(np.float32))
    assert bool(words) is told
    assert all("the model's input holds 0 to" in each for each in words)
