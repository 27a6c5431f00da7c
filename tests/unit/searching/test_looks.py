"""What is dropped before anything is built, and why."""

from __future__ import annotations

from bench.searching.looks import Speed, why_too_large, why_too_slow
from bench.searching.values import Limits
from tests.unit.searching.points import point, space, trial


def too_large(best=None, limits=None, aim="zipped", **values):
    return why_too_large(space(aim), point(**values), limits or Limits(), best)


def test_weights_beyond_a_limit_are_too_large():
    assert "zipped" in too_large(limits=Limits(zipped_bytes=2000))
    assert not too_large(limits=Limits(zipped_bytes=2000), remove_0=0.8, remove_1=0.8)
    assert "weights of" in too_large(limits=Limits(size_bytes=2000))


def test_what_weighs_more_than_the_best_is_not_trained_whatever_files_take_besides():
    best = trial(size=3000, params=point(remove_0=0.5, remove_1=0.5, sparsity=3))
    assert "is found already" in too_large(best, remove_0=0.5, remove_1=0.5)
    assert not too_large(best, remove_0=0.5, remove_1=0.5, sparsity=4)
    assert not too_large(best, remove_0=0.8, remove_1=0.8, sparsity=3)
    assert not too_large(best, aim="latency")


def test_a_structure_that_is_too_slow_is_not_trained():
    speed = Speed({"local": 2000.0, "adb:1": 4000.0}, {"local": 2.0, "adb:1": 1.5})
    assert why_too_slow(speed, Limits(median_us=3000), None) == "4 ms at least"
    assert why_too_slow(speed, Limits(median_us=5000), None) == ""
    assert "1.50x faster than float32 at most, and 2.00x is found already" in why_too_slow(
        speed, Limits(), 0.5
    )
    assert why_too_slow(speed, Limits(), 0.65) == ""


def test_what_a_busy_machine_cannot_tell_apart_is_not_dropped():
    unsure = Speed({"local": 2000.0}, {"local": 1.5}, {"local": 900.0}, {"local": 2.5})
    assert why_too_slow(unsure, Limits(median_us=1000), 0.5) == ""
    assert why_too_slow(unsure, Limits(median_us=800), None) == "0.9 ms at least"
    assert "2.50x faster than float32 at most" in why_too_slow(unsure, Limits(), 0.25)
