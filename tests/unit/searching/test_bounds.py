"""Limits that contradict each other or that nothing can keep."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.searching import bounds
from bench.searching.looks import Speed
from bench.searching.values import Goal, Limits, careful_loss, keeps
from bench.values import Variant
from tests.unit.searching.points import space, trial


@pytest.mark.parametrize(
    ("aim", "limits", "goal", "told"),
    [
        ("zipped", Limits(size_bytes=100, zipped_bytes=200), None, "max-zipped"),
        ("size", Limits(size_bytes=0), None, "limit of 0"),
        ("size", Limits(size_bytes=100), Goal(value=200), "--goal"),
        ("latency", Limits(median_us=100), Goal(value=200), "--max-median"),
    ],
)
def test_contradictions_are_told(aim, limits, goal, told):
    with pytest.raises(UsageError, match=told):
        bounds.check(aim, limits, goal)


def test_limits_that_go_together_are_none():
    bounds.check("zipped", Limits(size_bytes=200, zipped_bytes=100), Goal(value=50))
    bounds.check("zipped", Limits(), Goal(times=24))


@pytest.mark.parametrize(
    ("files", "cluster", "installed", "told"),
    [
        (("a.tflite", "b.tflite"), None, "0.11", "give one of them"),
        (("a.tflite",), None, None, "tflite-bench\\[quantize\\]"),
        (("a.tflite",), "tcp://127.0.0.1:1", "0.11", "leave --cluster out"),
    ],
)
def test_what_cannot_be_searched_of_ready_files_is_told(
    monkeypatch, files, cluster, installed, told
):
    monkeypatch.setattr(bounds.workers, "version", lambda name: installed)
    with pytest.raises(UsageError) as raised:
        bounds.check_ready([Path(file) for file in files], cluster)
    assert re.search(told, f"{raised.value.message} {raised.value.hint}")
    bounds.check_ready((), cluster)  # a source model


class Stopwatch:
    """Files that were quantized take 30 µs, others 20."""

    def time(self, variant):
        return Speed({"local": 30.0 if "int8" in variant.recipe else 20.0}, {"local": 2.0})


def built(recipe):
    return Variant("x", Path("x.tflite"), "0", 5000, 4000, recipe=str(recipe))


def check(limits, *, build=built, **options):
    bounds.check_reachable(space(**options), limits, build, Stopwatch())


def test_a_limit_below_the_least_weights_is_told_before_any_training():
    with pytest.raises(UsageError, match="nothing can keep --max-zipped"):
        check(Limits(zipped_bytes=20))
    check(Limits(zipped_bytes=20_000))


def test_a_limit_below_the_thinnest_file_is_told_with_what_it_takes():
    with pytest.raises(UsageError, match=r"keep --max-size 4.00 kB: .* still takes 5.00 kB"):
        check(Limits(size_bytes=4000))
    check(Limits(size_bytes=5000))
    check(Limits(size_bytes=4000), build=lambda recipe: None)


def test_a_latency_that_the_thinnest_structure_misses_by_far_is_told():
    with pytest.raises(UsageError, match=r"--max-median 10.0 µs: .* int8 .* 30.0 µs on local"):
        check(Limits(median_us=10.0))
    with pytest.raises(UsageError, match=r"and float32 .* still takes about 20.0 µs"):
        check(Limits(median_us=10.0), aim="latency", endings=("quantize:int8", ""))
    check(Limits(median_us=15.0), aim="latency", endings=("quantize:int8", ""))
    check(Limits(median_us=25.0))


def test_a_goal_is_so_many_times_or_a_figure():
    assert Goal(times=2).is_met(50, 100)
    assert not Goal(times=2).is_met(51, 100)
    assert Goal(value=50).is_met(50, 100)


def test_a_loss_counts_with_a_standard_error_of_at_most_a_quarter_of_the_limit():
    limits = Limits(loss=0.01)
    assert careful_loss(trial(loss=0.004, error=0.001), limits) == pytest.approx(0.005)
    assert careful_loss(trial(loss=0.004, error=0.5), limits) == pytest.approx(0.0065)
    assert keeps(trial(loss=0.007, error=0.5), limits)
    assert not keeps(trial(loss=0.008, error=0.5), limits)
    assert not keeps(trial(loss=None), limits)
    assert not keeps(trial(size=2000), Limits(size_bytes=1000))
