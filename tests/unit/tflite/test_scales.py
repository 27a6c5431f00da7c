"""Scales of a few significant bits, with biases that follow them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.errors import ModelError
from bench.tflite import reader
from bench.tflite.scales import round_scales, scale_bits, significant_bits
from tests import tiny_models


@pytest.mark.parametrize(
    ("scales", "bits"),
    [([1.0], 1), ([0.75], 2), ([0.5, 3.0], 2), ([1 + 2**-7], 8), ([0.1], 24), ([0.0], 1)],
)
def test_bits_are_counted_to_the_last_that_is_set(scales: list[float], bits: int) -> None:
    assert significant_bits(np.array(scales, np.float32)) == bits


def test_a_file_in_float_has_no_scales_to_round(tmp_path: Path) -> None:
    assert scale_bits(reader.parse(tiny_models.dense())) == 0
    with pytest.raises(ModelError, match="nothing in the file is quantized"):
        round_scales(tiny_models.dense(), 8)
