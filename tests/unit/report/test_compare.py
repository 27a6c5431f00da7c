"""Two reports side by side: what is certain, what is not, and what may not be compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import cells
from bench.errors import UsageError
from bench.records import Records
from bench.report import compare
from bench.report.compare import Tolerances
from bench.values import Environment, Plan, Setting
from tests import examples

LOCAL = examples.ENVIRONMENT
PHONE = Environment(
    "adb:R5",
    "adb",
    "a phone",
    {
        "model": "SM-S911B",
        "fingerprint": "first",
        "abi": "arm64-v8a",
        "cores": {"0-3": "schedutil 300000-1800000"},
        "tool_version": "2.14",
        "tool_sha256": "aa",
        "battery_level": 80,
    },
)
PLAN = Plan(launches=20)


def report(
    level=1.0,
    *,
    spread=0.01,
    launches=20,
    environment=LOCAL,
    plan=PLAN,
    size_bytes=400,
    accuracy=None,
    agreement=None,
    samples="x",
    seed=0,
    variants=(examples.FLOAT32, examples.INT8),
    name="old.jsonl",
):
    """Records of two variants; only ``quantize:int8`` differs by ``level`` and in size."""
    rng = np.random.default_rng([seed, round(level * 1e6), launches])
    made = [
        examples.launch(
            variant.name,
            block,
            target=environment.target,
            samples_us=[
                100 * (level if cells.base_of(variant) == "quantize:int8" else 1.0)
                * float(np.exp(rng.normal(0, spread)))
            ] * 4,
        )
        for block in range(launches)
        for variant in variants
    ]  # fmt: skip
    sized = tuple(
        replace(variant, size_bytes=size_bytes) if variant.name == "quantize:int8" else variant
        for variant in variants
    )
    evaluated = examples.accuracy("quantize:int8", 10_000, top1=accuracy, agreement=agreement)
    return Records(
        path=Path(name),
        session=examples.session(
            variants=sized, plan=plan, targets=(environment.target,), data={"sha256": samples}
        ),
        environments=(environment,),
        launches=tuple(made),
        accuracies=(evaluated,) if accuracy is not None or agreement is not None else (),
    )


def int8(old, new, limits=None, *, across=False):
    found = compare.changes(old, new, limits or Tolerances(latency=0.05), across=across)
    return next(change for change in found if change.variant == "quantize:int8")


def test_every_variant_of_both_is_compared():
    found = compare.changes(report(), report(seed=1), Tolerances(), across=False)
    assert [(change.variant, change.target) for change in found] == [
        ("float32", "local"),
        ("quantize:int8", "local"),
    ]


def test_a_certain_slowdown_beyond_the_limit_is_a_regression():
    change = int8(report(), report(1.2))
    assert change.latency.ratio == pytest.approx(1.2, rel=0.02)
    assert change.latency.low > 1.05
    assert (change.gate, change.regressions) == ("regression", ("latency",))
    assert change.more_launches is None


def test_a_slowdown_within_the_limit_passes():
    change = int8(report(), report(1.02))
    assert change.latency.verdict == "slower"
    assert (change.gate, change.regressions) == ("pass", ())


def test_a_speed_up_passes():
    assert int8(report(), report(0.5)).gate == "pass"


def test_what_is_not_certain_fails_nothing_and_says_what_would_tell():
    change = int8(report(spread=0.1, launches=10), report(1.15, spread=0.1, launches=10))
    assert change.gate == "can't tell"
    assert change.regressions == ()
    assert change.more_launches > 0


def test_so_many_more_launches_do_tell():
    few = int8(report(spread=0.1, launches=10), report(1.15, spread=0.1, launches=10))
    more = 10 + few.more_launches
    enough = [
        int8(report(spread=0.1, launches=more, seed=s), report(1.15, spread=0.1, launches=more))
        for s in range(10)
    ]
    assert sum(change.gate == "regression" for change in enough) >= 5


def test_one_launch_cannot_tell_and_no_number_is_made_up():
    change = int8(report(launches=1), report(2.0, launches=1))
    assert (change.gate, change.more_launches) == ("can't tell", 5)  # what an interval takes


def test_without_a_limit_nothing_fails():
    change = int8(report(accuracy=0.9), report(2.0, size_bytes=800, accuracy=0.1), Tolerances())
    assert change.regressions == ()


@pytest.mark.parametrize(
    ("size_bytes", "limit", "fails"),
    [(400, 0.0, False), (401, 0.0, True), (420, 0.05, False), (421, 0.05, True), (100, 0.0, False)],
)
def test_the_gate_on_size_is_exact(size_bytes, limit, fails):
    change = int8(report(), report(size_bytes=size_bytes), Tolerances(size=limit))
    assert change.size_ratio == pytest.approx(size_bytes / 400)
    assert change.regressions == (("size",) if fails else ())


@pytest.mark.parametrize(
    ("before", "after", "limit", "answer"),
    [
        (0.90, 0.89, 0.01, "can't tell"),  # exactly the limit: no number of samples would tell
        (0.90, 0.88, 0.01, "broken"),
        (0.90, 0.8990, 0.01, "kept"),
        (0.90, 0.8930, 0.01, "kept"),
        (0.90, 0.8920, 0.01, "can't tell"),
        (0.90, 0.95, 0.0, "kept"),
        (0.90, 0.8999, 0.0, "can't tell"),  # one sample of ten thousand
    ],
)
def test_the_gate_on_accuracy_asks_for_certainty(before, after, limit, answer):
    change = int8(report(accuracy=before), report(accuracy=after), Tolerances(accuracy=limit))
    (loss,) = change.losses
    assert loss.loss == pytest.approx(before - after)
    assert loss.loss_low < loss.loss < loss.loss_high
    assert change.accuracy.answer == answer
    assert change.regressions == (("accuracy",) if answer == "broken" else ())
    assert (change.accuracy.more_samples is not None) == (answer == "can't tell" and after != 0.89)


def test_without_labels_the_agreement_is_compared():
    """Reports hold no answers of it, so the interval is that of two independent figures."""
    change = int8(report(agreement=0.99), report(agreement=0.90), Tolerances(accuracy=0.05))
    assert change.losses[0].loss == pytest.approx(0.09)
    assert change.regressions == ("accuracy",)


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (report(accuracy=0.1, samples="others"), "evaluated on other samples"),
        (report(), "only old.jsonl evaluated it"),
        (report(agreement=0.5), "agreement stands in old.jsonl alone"),
    ],
)
def test_accuracies_that_cannot_be_compared_say_why(new, why):
    change = int8(report(accuracy=0.9), new, Tolerances(accuracy=0.0))
    assert (change.losses, change.not_compared) == ((), why)
    assert change.accuracy.answer == "can't tell"
    assert change.regressions == ()
    assert why in compare.verdict(change, Tolerances(accuracy=0.0))


def test_two_models_are_compared_across_only():
    other = report()
    session = replace(other.session, model=replace(other.session.model, name="another"))
    other = replace(other, session=session)
    with pytest.raises(UsageError, match=r"two models: .* of tiny, .* of another.*--across"):
        int8(report(), other)
    assert int8(report(), other, across=True).gate == "pass"


def test_all_that_regressed_is_named():
    limits = Tolerances(latency=0.05, size=0.05, accuracy=0.01)
    change = int8(report(accuracy=0.9), report(2.0, size_bytes=800, accuracy=0.1), limits)
    assert change.regressions == ("latency", "size", "accuracy")


def test_a_variant_that_only_one_side_has_is_left_out():
    old = report(variants=(examples.FLOAT32,))
    found = compare.changes(old, report(), Tolerances(), across=False)
    assert [change.variant for change in found] == ["float32"]


def test_a_side_without_launches_has_no_latency_and_still_a_size():
    new = replace(report(size_bytes=800), launches=())
    change = int8(report(), new, Tolerances(latency=0.05, size=0.05))
    assert change.latency is None
    assert change.regressions == ("size",)


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("fingerprint", "second"),
        ("abi", "armeabi-v7a"),
        ("cores", {"0-3": "performance 300000-1800000"}),
        ("tool_version", "2.15"),
        ("tool_sha256", "bb"),
        ("model", "Pixel 8"),
    ],
)
def test_environments_that_cannot_be_compared_are_refused_by_name(fact, value):
    old = report(environment=PHONE)
    new = report(environment=replace(PHONE, facts={**PHONE.facts, fact: value}))
    with pytest.raises(UsageError, match=rf"differ in {fact} \(.*--across"):
        int8(old, new)
    assert int8(old, new, across=True).gate == "pass"


def test_a_fact_that_only_one_side_knows_is_a_difference():
    new = report(environment=replace(PHONE, facts={**PHONE.facts, "soc": "SM8550"}))
    with pytest.raises(UsageError, match=r"soc \(none against SM8550\)"):
        int8(report(environment=PHONE), new)


def test_a_battery_and_a_python_do_not_matter():
    other = {**PHONE.facts, "battery_level": 20, "python": "3.13", "celsius": 31}
    assert int8(report(environment=PHONE), report(environment=replace(PHONE, facts=other)))


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": "second"},
        {"input_shapes": (("x", (1, 8)),)},
        {"real_inputs": True},
        {"tool_args": ("--x=1",)},
        {"profile": True},
    ],
)
def test_plans_that_measure_another_thing_are_refused_by_name(changed):
    (name,) = changed
    new = report(plan=replace(PLAN, **changed))
    with pytest.raises(UsageError, match=rf"differ in {name} \(.*--across"):
        int8(report(), new)
    assert int8(report(), new, across=True)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"threads": 4}, "1 thread against 4 threads"),
        ({"delegate": "gpu"}, "default delegate against gpu"),
        ({"affinity": "0-3"}, "all CPUs against CPUs 0-3"),
        ({"settings": (Setting(2), Setting(4)), "threads": 2}, "1 thread against 2 threads; 4"),
    ],
)
def test_files_without_a_common_setting_are_refused(changed, told):
    new = report(plan=replace(PLAN, **changed))
    with pytest.raises(UsageError, match=rf"share no setting \({told}.*--across"):
        int8(report(), new)
    assert int8(report(), new, across=True)


def test_one_setting_is_found_among_several_and_the_rest_is_named():
    settings = (Setting(2), Setting(1, affinity="0x3"), Setting(1))
    plan = replace(PLAN, threads=2, settings=settings)
    many = report(1.2, plan=plan, variants=cells.expand((examples.FLOAT32, examples.INT8), plan))
    one = report()
    for old, new, side in ((one, many, "new"), (many, one, "old")):
        found = compare.changes(old, new, Tolerances(latency=0.05), across=False)
        assert [change.variant for change in found] == [
            "float32 @ 1 thread, all CPUs",
            "quantize:int8 @ 1 thread, all CPUs",
        ]
        assert found[1].gate == ("regression" if side == "new" else "pass")
        assert found[1].latency.ratio == pytest.approx(1.2 if side == "new" else 1 / 1.2, rel=0.02)
        (note,) = compare.left_out(old, new, across=False)
        assert "float32 @ 2 threads, all CPUs" in note
        assert "quantize:int8 @ 1 thread, CPUs 0x3" in note
        assert "@ 1 thread, all" not in note
    masked = report(plan=replace(PLAN, affinity="0-1"))
    found = compare.changes(masked, many, Tolerances(), across=False)
    assert {change.variant for change in found} == {
        "float32 @ 1 thread, CPUs 0x3",
        "quantize:int8 @ 1 thread, CPUs 0x3",
    }


def test_plans_that_are_only_surer_are_compared():
    plan = Plan(launches=40, runs=100, seed=9, until=0.02)
    assert int8(report(), report(plan=plan, launches=40)).gate == "pass"


def test_another_phone_of_one_kind_is_compared_across_only():
    other = replace(PHONE, target="adb:R6", facts={**PHONE.facts, "model": "Pixel 8"})
    old, new = report(environment=PHONE), report(1.2, environment=other)
    with pytest.raises(UsageError, match=r"adb:R5 and adb:R6 differ in model"):
        int8(old, new)
    change = int8(old, new, across=True)
    assert change.target == "adb:R6"
    assert change.gate == "regression"


def test_a_phone_and_this_machine_share_nothing():
    with pytest.raises(UsageError, match="share no variant on a target"):
        int8(report(environment=PHONE), report())


def test_of_several_phones_each_is_compared_with_itself():
    def both(level, name):
        first = report(environment=PHONE, name=name)
        second = report(level, environment=replace(PHONE, target="adb:R6"), name=name)
        return replace(
            first,
            environments=(*first.environments, *second.environments),
            launches=(*first.launches, *second.launches),
        )

    found = compare.changes(both(1.0, "a"), both(1.2, "b"), Tolerances(latency=0.05), across=False)
    gates = {(change.target, change.variant): change.gate for change in found}
    assert gates["adb:R5", "quantize:int8"] == "pass"
    assert gates["adb:R6", "quantize:int8"] == "regression"


def test_nothing_in_common_is_told():
    old = report(variants=(examples.variant("another"),))
    with pytest.raises(UsageError, match="share no variant"):
        int8(old, report())
