"""Bits by measurement, on a model whose layers' effect on the answers is known."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bench.errors import BuildError
from bench.quantizer import choose
from bench.quantizer.choose import Mix
from bench.quantizer.files import Bits, Layer
from bench.quantizer.schemes import ALGORITHMS, Algorithm

LAYERS = tuple(Layer(f"net/{name};", name, "CONV_2D", 1000) for name in "abcd")


class KnownJudge:
    """Each layer with 4 bits loses what the table says; ``octav`` loses half of it."""

    def __init__(self, losses: Mapping[str, float], *, in_8_bits: float = 0.0) -> None:
        self._losses = losses
        self._in_8_bits = in_8_bits
        self.metric = "accuracy"

    def __len__(self) -> int:
        return 500

    def answers(self, content: Mapping[str, Bits], *, most: int | None = None) -> float:
        return self._in_8_bits + sum(
            self._losses[scope[4]] * (0.5 if bits.algorithm == "octav" else 1.0)
            for scope, bits in content.items()
        )

    def error(self, answers: float) -> float:
        return answers

    def loss(self, answers: float) -> float:
        return answers


def mixed(
    losses: Mapping[str, float], max_loss: float, algorithm: Algorithm | None = None, **more: float
) -> Mix:
    judge = KnownJudge(losses, **more)
    return choose.mix(LAYERS, lambda bits: bits, judge, max_loss, algorithm, lambda *_: None)


def letters(mix: Mix) -> str:
    return "".join(sorted(scope[4] for scope in mix.assignment))


def test_the_least_sensitive_layers_get_4_bits_until_the_limit_is_reached():
    found = mixed({"a": 0.02, "b": 0.004, "c": 0.006, "d": 0.2}, 0.01)
    assert letters(found) == "bc"
    assert found.loss == pytest.approx(0.005)
    assert {bits.algorithm for bits in found.assignment.values()} == {"octav"}


def test_a_layer_that_loses_too_much_does_not_stop_one_that_fits_after_it():
    layers = (*LAYERS[:3], Layer("net/d;", "d", "CONV_2D", 10))
    judge = KnownJudge({"a": 0.002, "b": 0.02, "c": 0.018, "d": 0.006})
    found = choose.mix(layers, lambda bits: bits, judge, 0.006, "mse", lambda *_: None)
    assert letters(found) == "a"  # d needs the most for the least, and fits no more
    found = choose.mix(layers, lambda bits: bits, judge, 0.008, "mse", lambda *_: None)
    assert letters(found) == "ad"


def test_an_algorithm_that_was_asked_for_is_kept():
    found = mixed(dict.fromkeys("abcd", 0.001), 0.01, "min-max")
    assert letters(found) == "abcd"
    assert {bits.algorithm for bits in found.assignment.values()} == {"min-max"}


def test_what_8_bits_lose_already_is_told():
    with pytest.raises(BuildError, match=r"8 bits in all layers 3\.00% are lost already on 500"):
        mixed(dict.fromkeys("abcd", 0.001), 0.01, in_8_bits=0.03)


def test_each_layers_best_algorithm_is_found():
    judge = KnownJudge({"a": 0.4, "b": 0.1, "c": 0.2, "d": 0.3})
    found = choose.sensitivities(LAYERS, lambda bits: bits, judge, ALGORITHMS, lambda *_: None)
    assert [(one.layer.name, one.algorithm, one.error) for one in found] == [
        ("a", "octav", 0.2), ("b", "octav", 0.05), ("c", "octav", 0.1), ("d", "octav", 0.15)
    ]  # fmt: skip
