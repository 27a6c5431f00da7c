"""Figures and names as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import text
from bench.metrics.values import Score
from bench.text import interval, labels, layer_of, name_some, one_line, p99, size, three_digits
from bench.values import Comparison, Estimate, Missing


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (547_312, "547 kB"),
        (2_714_000, "2.71 MB"),
        (3_210_000_000, "3.21 GB"),
        (3_210_000_000_000, "3,210 GB"),
    ],
)
def test_sizes(size_bytes, shown):
    assert size(size_bytes) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0.00"),
        (0.0123, "0.0123"),
        (1.2, "1.20"),
        (25.16, "25.2"),
        (252, "252"),
        (12400, "12,400"),
    ],
)
def test_three_digits(value, shown):
    assert three_digits(value) == shown


@given(st.floats(1e-6, 1e9))
def test_three_digits_are_true_and_have_no_exponent(value):
    shown = three_digits(value)
    assert float(shown.replace(",", "")) == pytest.approx(value, rel=5.1e-3)
    assert "e" not in shown


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (1.213, 1.198, 1.231, "1.21 [1.20, 1.23]"),
        (100.0, 99.98, 100.04, "100.00 [99.98, 100.04]"),
        (5.0, None, None, "5.00"),
        (5.0, 5.0, 5.0, "5.00 [5.00, 5.00]"),
        (31_000, 30_000, 32_500, "31,000 [30,000, 32,500]"),
    ],
)
def test_intervals_show_their_bounds_apart(value, low, high, shown):
    assert interval(Estimate(value, low, high, "samples")) == shown


def test_a_missing_p99_tells_what_it_takes():
    assert p99(Missing("too few", launches=1), 1.0) == "needs 1 more launch"
    assert p99(Missing("too few", launches=9), 1.0) == "needs 9 more launches"
    assert p99(Missing("the tool prints no maximum"), 1.0) == "the tool prints no maximum"


def test_a_long_recipe_is_shown_without_options_that_nobody_needs_to_tell_it_apart():
    long = "channels:0.5,batch=128,distill=0.5,epochs=12+quantize:int8"
    alike = "prune:0.5,batch=128,distill=0.5,epochs=12,lr=0.001"
    other = "prune:0.5,batch=128,distill=0.5,epochs=24,lr=0.001"
    names = ["float32", "quantize:dynamic,per_channel_dense=no", long, alike, other]
    assert labels(names) == {
        **{name: name for name in names},
        long: "channels:0.5+quantize:int8",
    }


def test_a_label_is_never_another_variants_name():
    long = "tune,batch=128,distill=0.5,epochs=12,lr=0.001"
    assert labels(["tune", long])[long] == long


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((1 / 2.06, 1 / 2.04, 1 / 1.81), "2.04x faster [1.81, 2.06]"),
        ((1.09, 1.1, 1.12), "1.10x slower [1.09, 1.12]"),
        ((1.002, 1.004, 1.006), "1.004x slower [1.002, 1.006]"),
        ((1.0003, 1.0007, 1.0009), "1.0007x slower [1.0003, 1.0009]"),
        ((30.6, 30.84, 31.0), "30.8x slower [30.6, 31.0]"),
        ((0.98, 1.01, 1.04), "no clear change [0.98, 1.04]"),
    ],
)
def test_a_ratio_lies_within_its_own_interval_as_shown(ends, said):
    low, ratio, high = ends
    verdict = "slower" if low > 1 else "faster" if high < 1 else "no clear change"
    assert text.change_text(Comparison("v", "b", "t", ratio, low, high, 10, verdict)) == said


def test_a_ratio_without_an_interval_is_no_change():
    comparison = Comparison("v", "b", "t", 2.0, None, None, 1, "no clear change")
    assert text.change_text(comparison) == "no clear change"


@pytest.mark.parametrize(
    ("score", "value", "loss"),
    [
        (Score("", "accuracy", 0.923, 0.911, 0.934, 0.0015, -0.002, 0.005),
         "92.30 % [91.1, 93.4]", "0.15 points of accuracy lost [-0.20, 0.50]"),
        (Score("", "accuracy", 0.9, loss=-0.00001), "90.00 %", "0.00 points of accuracy gained"),
        (Score("y", "RMSE", 2.5, 2.4, 2.6, 0.01, 0.005, 0.02, is_fraction=False,
               lower_is_better=True, loss_is_relative=True),
         "2.50 [2.40, 2.60]", "y RMSE 1.00 % worse [0.50, 2.00]"),
        (Score("", "relative error", 0.032, 0.03, 0.034, 0.032, 0.03, 0.034, lower_is_better=True),
         "3.20 % [3.0, 3.4]", "relative error 3.20 % [3.00, 3.40]"),
        (Score("", "R²", None, is_fraction=False), "-", "loss of R² not known"),
    ],
)  # fmt: skip
def test_scores_and_losses_in_words(score, value, loss):
    assert text.score_text(score) == value
    assert text.loss_text(score) == loss


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("model", "model"),
        ("a\nb", "a b"),
        ("\x1b[31mred\r\n\tx", "[31mred x"),
        ("my  model é", "my model é"),
        ("\udcff.x", ".x"),
        ("\n", "unnamed"),
    ],
)
def test_a_name_of_a_file_keeps_to_one_line(name, shown):
    assert one_line(name) == shown


@pytest.mark.parametrize(
    ("tensor", "layer"),
    [
        ("net/quant_se/mul;net/se/x", "se"),
        ("net/inner/conv/Conv2D", "inner"),
        ("StatefulPartitionedCall:0", "StatefulPartitionedCall:0"),
        ("", ""),
    ],
)
def test_layer_of_a_tensor(tensor: str, layer: str) -> None:
    assert layer_of(tensor) == layer


def test_many_names_are_cut() -> None:
    assert name_some(map(str, range(9))) == "0, 1, 2, 3, 4, 5 and 3 more"
