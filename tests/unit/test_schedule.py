"""Which variants a block holds, fixed or until medians are known, and what that took."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest

from bench import measure, schedule
from bench.errors import StableLaunchError, TransientLaunchError
from bench.formats import text
from bench.records import read
from bench.report import assemble
from bench.stats import stopping
from bench.values import Failure, Launch, Plan
from tests import examples
from tests.fake_target import FakeTarget

NAMES = ("float32", "quiet", "noisy")
VARIANTS = tuple(examples.variant(name) for name in NAMES)
UNTIL = Plan(until=0.02, max_launches=60, runs=4)
SPREADS = {"float32": 0.005, "quiet": 0.005, "noisy": 0.04}


def level_us(name, block, spreads=SPREADS):
    """A launch's median: always the same for a variant and block, as in a device's own history."""
    return (
        100
        * np.exp(np.random.default_rng([NAMES.index(name), block]).normal(0, spreads[name])).item()
    )


def one(name, block, spreads=SPREADS):
    return examples.launch(name, block, samples_us=[level_us(name, block, spreads)] * 4)


def answers(spreads=SPREADS):
    return lambda name, block: one(name, block, spreads)


def run(target, work):
    return list(measure.measure([target], replace(work, stop=threading.Event()), lambda *_: None))


def made(outcomes):
    return [item for item in outcomes if isinstance(item, Launch)]


def by_variant(launches):
    grouped = defaultdict(list)
    for launch in launches:
        grouped[launch.variant].append(launch)
    return grouped


def launches_of(name, blocks):
    return [one(name, block) for block in range(blocks)]


def test_a_fixed_plan_holds_every_variant_in_every_block():
    plan = Plan(launches=3)
    blocks = [schedule.members(VARIANTS, "float32", {}, plan, block) for block in range(4)]
    assert blocks == [frozenset(NAMES)] * 3 + [frozenset()]
    assert (schedule.least_launches(plan), schedule.most_launches(plan)) == (3, 3)


def test_until_launches_at_least_as_often_as_the_rule_and_the_plan_say():
    assert schedule.least_launches(UNTIL) == stopping.MIN_LAUNCHES
    assert schedule.least_launches(replace(UNTIL, launches=20)) == 20
    assert schedule.most_launches(UNTIL) == 60
    assert schedule.wants_more(launches_of("quiet", 9), UNTIL)
    assert not schedule.wants_more(launches_of("quiet", 10), UNTIL)
    assert schedule.wants_more(launches_of("quiet", 10), replace(UNTIL, launches=20))


def test_launches_go_where_they_are_needed_and_the_baseline_goes_along():
    target = FakeTarget(handler=answers())
    counts = Counter(launch.variant for launch in made(run(target, measure.Job(VARIANTS, UNTIL))))
    assert counts["quiet"] == 10
    assert 20 < counts["noisy"] < 60
    assert counts["float32"] == counts["noisy"]


def test_each_variant_stops_at_the_first_block_where_it_is_known():
    target = FakeTarget(handler=answers())
    launches = by_variant(made(run(target, measure.Job(VARIANTS, UNTIL))))["noisy"]
    assert stopping.enough(launches, 0.02)
    assert not any(stopping.enough(launches[:n], 0.02) for n in range(10, len(launches)))


def test_the_bound_ends_it():
    plan = replace(UNTIL, max_launches=12)
    counts = Counter(
        launch.variant
        for launch in made(run(FakeTarget(handler=answers()), measure.Job(VARIANTS, plan)))
    )
    assert counts == {"float32": 12, "quiet": 10, "noisy": 12}


@pytest.mark.parametrize("kept", [1, 7, 30, 31, 32, 50, 61])
def test_a_resumed_session_decides_as_it_would_have(kept):
    whole = FakeTarget(handler=answers())
    launches = made(run(whole, measure.Job(VARIANTS, UNTIL)))
    rest = FakeTarget(handler=answers())
    run(rest, measure.Job(VARIANTS, UNTIL, tuple(launches[:kept])))
    assert rest.launched == whole.launched[kept:]


def test_the_order_of_those_left_is_that_of_the_whole_block():
    target = FakeTarget(handler=answers())
    run(target, measure.Job(VARIANTS, UNTIL))
    last = target.launched[-1][1]
    for block in range(last + 1):
        names = [name for name, at in target.launched if at == block]
        whole = [variant.name for variant in schedule.order(VARIANTS, UNTIL, block)]
        assert names == [name for name in whole if name in names]


def test_each_target_goes_its_own_way():
    still = dict.fromkeys(NAMES, 0.001)
    targets = [FakeTarget("adb:1", lambda n, b: replace(one(n, b), target="adb:1"))]
    targets += [FakeTarget("adb:2", lambda n, b: replace(one(n, b, still), target="adb:2"))]
    work = replace(measure.Job(VARIANTS, UNTIL), stop=threading.Event())
    counts = Counter(
        (launch.target, launch.variant)
        for launch in made(measure.measure(targets, work, lambda *_: None))
    )
    assert counts["adb:2", "noisy"] == 10
    assert counts["adb:1", "noisy"] > 20


def test_a_variant_that_fails_keeps_nobody_going():
    broken = StableLaunchError("it cannot", hint="never", error_class="missing_op")
    target = FakeTarget(handler=lambda name, block: broken if name == "noisy" else one(name, block))
    outcomes = run(target, measure.Job(VARIANTS, UNTIL))
    assert Counter(launch.variant for launch in made(outcomes)) == {"float32": 10, "quiet": 10}
    assert [x.variant for x in outcomes if isinstance(x, Failure)] == ["noisy"]


def test_without_its_baseline_the_rest_goes_on():
    broken = StableLaunchError("it cannot", hint="never", error_class="missing_op")
    target = FakeTarget(
        handler=lambda name, block: broken if name == "float32" else one(name, block)
    )
    counts = Counter(launch.variant for launch in made(run(target, measure.Job(VARIANTS, UNTIL))))
    assert counts["quiet"] == 10
    assert counts["noisy"] > 20


def test_a_lost_target_fails_only_what_is_not_known_yet():
    lost = TransientLaunchError("it has gone", hint="plug it in", error_class="device_lost")
    target = FakeTarget(handler=lambda name, block: lost if block >= 15 else one(name, block))
    outcomes = run(target, measure.Job(VARIANTS, replace(UNTIL, retries=0)))
    whole = {x.variant for x in outcomes if isinstance(x, Failure) and x.block is None}
    assert whole == {"noisy"}


def test_what_is_still_wanted_is_bounded_and_takes_the_baseline_along():
    launches = {name: launches_of(name, 10) for name in NAMES}
    more = schedule.still_wanted(VARIANTS, launches, UNTIL)
    assert more["quiet"] == 0
    assert 0 < more["noisy"] == more["float32"] <= 50
    assert schedule.still_wanted(VARIANTS, launches, replace(UNTIL, max_launches=12))["noisy"] == 2
    assert schedule.still_wanted(VARIANTS, {}, UNTIL) == dict.fromkeys(NAMES, 10)
    assert schedule.still_wanted(VARIANTS, launches, Plan(launches=12)) == dict.fromkeys(NAMES, 2)
    assert schedule.still_wanted((), {}, UNTIL) == {}


def test_what_it_took_and_saved():
    launches = {"float32": launches_of("float32", 40), "quiet": launches_of("quiet", 10)}
    launches["noisy"] = launches_of("noisy", 40)
    spent = schedule.spent(launches, replace(UNTIL, until=0.03))
    assert (spent.launches, spent.fewest, spent.most) == (90, 10, 40)
    assert (spent.fixed, spent.saved) == (120, 30)
    assert spent.short == ()
    assert schedule.spent(launches, replace(UNTIL, until=0.001)).short == NAMES
    assert schedule.spent(launches, Plan()) is None
    assert schedule.spent({"float32": []}, UNTIL) is None


def assembled(tmp_path, plan, *, end=True):
    session = replace(examples.session(variants=VARIANTS), plan=plan)
    launches = made(run(FakeTarget(handler=answers()), measure.Job(VARIANTS, plan)))
    path = examples.write(tmp_path / "x.jsonl", session, [examples.ENVIRONMENT, *launches], end=end)
    return assemble(read(path))


def test_the_report_says_what_was_reached_and_saved(tmp_path):
    made_report = assembled(tmp_path, UNTIL)
    (table,) = made_report.tables
    for row in table.rows:
        median = row.summary.median_us
        # As wide as promised at least: an interval that stopped itself would be too narrow.
        assert median.high / median.value >= 1.02 - 1e-12
        assert median.value / median.low >= 1.02 - 1e-12
        assert row.failure is None
    rendered = text.render(made_report)
    counts = [row.summary.launches for row in table.rows]
    assert "launches until ±2 % × 4 runs" in rendered
    assert f"until ±2 %: 3 of 3 medians known after {sum(counts)} launches" in rendered
    assert f"{3 * max(counts) - sum(counts)} saved" in rendered
    header = next(line for line in rendered.splitlines() if "variant" in line)
    assert "launches" in header
    assert "not-known" not in {warning.code for warning in made_report.warnings}


def test_the_report_names_what_did_not_get_there(tmp_path):
    made_report = assembled(tmp_path, replace(UNTIL, max_launches=12))
    (warning,) = [warning for warning in made_report.warnings if warning.code == "not-known"]
    assert (warning.variant, warning.target) == ("noisy", "local")
    assert warning.message.startswith("after 12 launches the median is known to ±")
    assert "--max-launches" in warning.hint
    assert "2 of 3 medians known" in text.render(made_report)


def test_an_unfinished_session_blames_no_variant(tmp_path):
    codes = {x.code for x in assembled(tmp_path, UNTIL, end=False).warnings}
    assert "unfinished" in codes
    assert "not-known" not in codes


FOUR = tuple(examples.variant(name) for name in ("a", "b", "c", "d"))
FIXED = Plan(launches=5, retries=2)


def test_the_order_depends_on_seed_and_block_alone():
    orders = [schedule.order(FOUR, FIXED, block) for block in range(20)]
    assert orders == [schedule.order(FOUR, FIXED, block) for block in range(20)]
    assert len({tuple(v.name for v in order) for order in orders}) > 10
    other = Plan(launches=5, retries=2, seed=1)
    assert orders != [schedule.order(FOUR, other, block) for block in range(20)]
    more = Plan(launches=50, threads=4)
    assert orders == [schedule.order(FOUR, more, block) for block in range(20)]


def test_every_place_in_a_block_is_taken_equally_often():
    firsts = Counter(schedule.order(FOUR, FIXED, block)[0].name for block in range(400))
    assert set(firsts) == {"a", "b", "c", "d"}
    assert min(firsts.values()) > 60
