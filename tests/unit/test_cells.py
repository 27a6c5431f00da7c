"""What is launched where a plan has several settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import cells
from bench.errors import UsageError
from bench.values import Plan, Setting, Variant


def variant(name: str) -> Variant:
    return Variant(name, Path(f"{name}.tflite"), name, 1000, 900)


TWO = (Setting(1), Setting(2))
PLAN = Plan(settings=TWO)


def test_every_combination_is_a_setting() -> None:
    assert cells.cross((1, 4), ("none", "gpu"), (None,)) == (
        Setting(1, "none"),
        Setting(1, "gpu"),
        Setting(4, "none"),
        Setting(4, "gpu"),
    )


@pytest.mark.parametrize(
    ("threads", "delegates", "affinities", "flag"),
    [
        ((2, 2), (None,), (None,), "--threads names 2 twice"),
        ((1,), ("gpu", "none", "gpu"), (None,), "--delegate names gpu twice"),
        ((1,), (None,), ("big", "big"), "--affinity names big twice"),
    ],
)
def test_a_setting_named_twice_is_refused(threads, delegates, affinities, flag) -> None:
    with pytest.raises(UsageError, match=flag):
        cells.cross(threads, delegates, affinities)


def test_one_setting_leaves_variants_as_they_are() -> None:
    variants = (variant("a"), variant("b"))
    plan = Plan(threads=3, delegate="gpu")
    assert cells.expand(variants, plan) == variants
    assert cells.setting_of(variants[0], plan) == Setting(3, "gpu")


def test_cells_stand_by_variant_the_first_setting_first() -> None:
    found = cells.expand((variant("a"), variant("b")), PLAN)
    assert [each.name for each in found] == [
        "a @ 1 thread",
        "a @ 2 threads",
        "b @ 1 thread",
        "b @ 2 threads",
    ]
    assert [each.base for each in found] == ["a", "a", "b", "b"]
    assert [cells.setting_of(each, PLAN) for each in found] == [*TWO, *TWO]
    assert cells.plan_of(found[1], PLAN) == Plan(threads=2)
    assert cells.files_of(found) == (variant("a"), variant("b"))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (TWO, ["1 thread", "2 threads"]),
        ((Setting(), Setting(1, "none")), ["default delegate", "no delegate"]),
        (
            (Setting(2, "gpu", "big"), Setting(2, "gpu", "0-3"), Setting(2, "gpu", None)),
            ["big CPUs", "CPUs 0-3", "all CPUs"],
        ),
        ((Setting(1, "gpu"), Setting(4, "xnnpack")), ["1 thread, gpu", "4 threads, xnnpack"]),
    ],
)
def test_a_setting_is_told_by_what_differs(settings, told) -> None:
    assert [cells.words(each, settings) for each in settings] == told


def test_facts_of_an_environment_list_what_differs() -> None:
    plan = Plan(delegate="gpu", settings=(Setting(1, "gpu", "big"), Setting(2, "gpu", "0-1")))
    assert cells.setting_facts(plan, {"big": "4-7"}) == {
        "threads": [1, 2],
        "delegate": "gpu",
        "affinity": ["4-7", "0-1"],
    }
    assert cells.setting_facts(Plan())["threads"] == 1


def test_a_plan_made_in_python_is_as_one_that_was_typed() -> None:
    assert cells.normalised(Plan(affinity="0x3")).affinity == "0-1"
    assert cells.normalised(Plan(affinity="all")) == Plan()
    several = Plan(settings=(Setting(2, affinity="1-0"), Setting(1)))
    made = cells.normalised(several)
    assert (made.threads, made.affinity) == (2, "0-1")
    assert made.settings == (Setting(2, affinity="0-1"), Setting(1))
    assert cells.normalised(Plan(settings=(Setting(4),))) == Plan(threads=4)
    with pytest.raises(UsageError, match="1 thread, default delegate, CPUs 0-1 twice"):
        cells.normalised(Plan(settings=(Setting(affinity="0,1"), Setting(affinity="0x3"))))
