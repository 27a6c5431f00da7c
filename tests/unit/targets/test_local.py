"""The local target above its process: what it asks for, understands and refuses."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import numpy as np
import pytest

from bench.affinity import cpus
from bench.errors import LAUNCH_ERROR_CLASSES, StableLaunchError, TargetError, TransientLaunchError
from bench.targets import local
from bench.values import MeasuredInput, Plan
from tests import examples


def test_there_is_one_and_it_is_ready():
    (status,) = local.discover({})
    assert status.target == "local"
    assert status.ready
    assert "ai-edge-litert" in status.label


@pytest.mark.parametrize(
    ("affinity", "numbers"),
    [("0", [0]), ("0,2-4", [0, 2, 3, 4]), ("0xf0", [4, 5, 6, 7]), ("0X1", [0]), ("0x0", [])],
)
def test_cpus(affinity, numbers):
    assert cpus(affinity) == numbers


@pytest.mark.parametrize("affinity", ["", "a", "1-", "1,", "0xg", "-1"])
def test_affinities_that_are_none(affinity):
    with pytest.raises(TargetError, match="is no affinity"):
        cpus(affinity)


@pytest.mark.parametrize(
    ("address", "plan", "words"),
    [
        ("here", Plan(), "write local"),
        (None, Plan(delegate="gpu"), "has no gpu delegate"),
        (None, Plan(affinity="some"), "is no affinity"),
        (None, Plan(affinity="9999"), r"names CPUs \[9999\]"),
        (None, Plan(affinity="0x0"), "use some of"),
    ],
)
def test_what_it_has_not_is_told_before_anything_is_launched(address, plan, words):
    with pytest.raises(TargetError, match=words):
        local.open(address, plan, {})


def test_what_must_be_equal_for_figures_to_be_compared():
    cpu = str(min(os.sched_getaffinity(0)))
    plain = local.open(None, Plan(), {}).environment()
    other = local.open(None, Plan(threads=2, affinity=cpu, delegate="none"), {}).environment()
    assert (plain.target, plain.kind) == ("local", "local")
    differing = {key for key in plain.facts if plain.facts[key] != other.facts[key]}
    assert differing == {"threads", "affinity", "delegate", "usable_cpus"}
    assert plain.facts["usable_cpus"] == {"": len(os.sched_getaffinity(0))}
    assert other.facts["usable_cpus"] == {cpu: 1}
    assert json.loads(json.dumps(plain.facts)) == plain.facts


def test_samples_become_a_latency():
    latency = local.from_samples([1000, 3000, 2000, 10_000])
    assert latency.samples_ns == (1000, 3000, 2000, 10_000)
    assert latency.runs == 4
    assert (latency.min_us, latency.max_us) == (1.0, 10.0)
    assert (latency.mean_us, latency.median_us) == (4.0, 2.5)
    assert latency.std_us == pytest.approx(np.std([1, 3, 2, 10]))
    assert latency.p95_us is None


def option(arguments, name):
    (value,) = (a.partition("=")[2] for a in arguments if a.startswith(f"--{name}="))
    return value


def test_the_whole_plan_is_asked_for():
    cpu = min(os.sched_getaffinity(0))
    plan = Plan(
        runs=7,
        warmup_runs=3,
        warmup_s=0.5,
        threads=2,
        delegate="none",
        affinity=str(cpu),
    )
    target = local.open(None, plan, {"samples": "s.npz"})
    variant = replace(
        examples.FLOAT32,
        signature="$(second)",
        inputs=(
            MeasuredInput("a b", "a", "int32", (1, 2), is_open=True, bounds=(0.0, 4.0)),
            MeasuredInput("c", "c", "float32", (1, 2), from_samples=True),
        ),
    )
    arguments = target._arguments(variant, seed=5)
    asked = {name: option(arguments, name) for name in ("model", "runs", "seed", "threads")}
    assert asked == {"model": str(examples.FLOAT32.path), "runs": "7", "seed": "5", "threads": "2"}
    assert option(arguments, "warmup-runs") == "3"
    assert option(arguments, "warmup-seconds") == "0.5"
    assert json.loads(option(arguments, "shapes")) == {"a b": [1, 2]}
    assert json.loads(option(arguments, "ranges")) == {"a b": [0.0, 4.0]}
    assert json.loads(option(arguments, "affinity")) == [cpu]
    assert option(arguments, "signature") == "$(second)"
    assert option(arguments, "delegate") == "none"
    assert option(arguments, "samples") == "s.npz"


@pytest.mark.parametrize("error_class", ["missing_op", "bad_input", "crash", "out_of_memory"])
def test_what_the_interpreter_refuses_is_not_tried_again(error_class):
    error = local._refusal({"error": error_class, "message": "its own words"}, examples.FLOAT32)
    assert isinstance(error, StableLaunchError)
    assert "its own words" in error.message
    assert error.error_class == error_class
    assert error.error_class in LAUNCH_ERROR_CLASSES


def test_an_end_without_an_answer_may_pass(monkeypatch):
    monkeypatch.setattr(local, "WORKER", "tests.unit.workers.obedient")
    target = local.open(None, Plan(), {})
    monkeypatch.setattr(target, "_arguments", lambda variant, seed: ["--then", "die"])
    with pytest.raises(TransientLaunchError, match="by signal 9") as caught:
        target.launch(examples.FLOAT32, 0, lambda words: None)
    assert caught.value.error_class == "crash"


def test_a_launch_that_takes_too_long_may_pass(monkeypatch):
    monkeypatch.setattr(local, "WORKER", "tests.unit.workers.obedient")
    target = local.open(None, Plan(timeout_s=0.2), {})
    monkeypatch.setattr(target, "_arguments", lambda variant, seed: ["--then", "sleep"])
    with pytest.raises(TransientLaunchError, match=r"longer than 0\.2 s") as caught:
        target.launch(examples.FLOAT32, 0, lambda words: None)
    assert caught.value.error_class == "timeout"


def test_what_else_the_host_does_is_a_share():
    use = local._HostUse()
    facts = use.facts()
    assert all(0.0 <= fraction <= 1.0 for fraction in facts.values())
