"""Which CPUs of a phone each setting is bound to, and what cannot be had."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.errors import StableLaunchError, TargetError
from bench.targets._adb.binding import bind, check
from bench.targets._adb.probe import Phone, parse_probe
from bench.values import Plan, Setting

PROBED = parse_probe(
    "S1",
    {
        "has.taskset": "1",
        "online": "0-3",
        **{f"speed.{n}": f"cpufreq/cpuinfo_max_freq {1800 + n // 2 * 600}" for n in range(4)},
    },
)


def probe(mask: str) -> Phone:
    """Binds to the four CPUs that there are."""
    cpus = [n for n in range(4) if int(mask, 16) >> n & 1]
    return replace(PROBED, affinity=",".join(map(str, cpus)))


def plan(*affinities: str | None) -> Plan:
    settings = tuple(Setting(affinity=each) for each in affinities)
    return Plan(affinity=affinities[0], settings=settings if len(settings) > 1 else ())


def test_each_affinity_has_its_mask() -> None:
    found = bind(plan("big", "0,2-3", "0x3", None), PROBED, probe)
    masks = [found.mask(Setting(affinity=each)) for each in ("big", "0,2-3", "0x3", None)]
    assert masks == ["c", "d", "3", "-"]
    assert found.cpus["big"] == "2,3"


def test_what_cannot_be_had_fails_alone() -> None:
    found = bind(plan("0", "2,60"), PROBED, probe)
    assert found.mask(Setting(affinity="0")) == "1"
    with pytest.raises(StableLaunchError, match="cannot bind to CPUs 2,60"):
        found.mask(Setting(affinity="2,60"))


@pytest.mark.parametrize(
    ("affinity", "phone", "words"),
    [
        ("60", PROBED, "cannot bind to CPUs 60"),
        ("big", replace(PROBED, speeds={0: 5, 1: 5}), "are alike"),
        ("0", replace(PROBED, commands=frozenset()), "has no taskset"),
    ],
)
def test_where_no_setting_can_be_had_the_phone_is_refused(affinity, phone, words) -> None:
    with pytest.raises(TargetError, match=words):
        bind(plan(affinity), phone, probe)


def test_what_is_no_affinity_is_told_before_the_phone_is_taken() -> None:
    with pytest.raises(TargetError, match="is no affinity"):
        check(plan("0", "some"))


def test_capacity_stands_for_a_frequency_that_is_not_told() -> None:
    values = {"speed.0": "cpu_capacity 400", "speed.1": "cpu_capacity 1024"}
    assert parse_probe("S1", values).speeds == {0: 400, 1: 1024}
    mixed = {**values, "speed.1": "cpufreq/cpuinfo_max_freq 2000"}
    assert parse_probe("S1", mixed).speeds == {}
