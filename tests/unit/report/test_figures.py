"""What charts show, as plain rows: true figures, and few enough of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from bench.errors import UsageError
from bench.records import read
from bench.report import assemble, figures
from tests import examples

START = datetime(2026, 11, 24, tzinfo=timezone.utc)
NAMES = ["float32", "quantize:int8"]


def report(tmp_path, items, **session):
    made = examples.session(launches=6, **session)
    return assemble(read(examples.write(tmp_path / "x.jsonl", made, items)))


@pytest.fixture
def whole(tmp_path):
    accuracies = [
        examples.accuracy(name, 10, top1=top1) for name, top1 in zip(NAMES, (0.9, 0.8), strict=True)
    ]
    return report(tmp_path, [examples.ENVIRONMENT, *accuracies, *examples.launches(NAMES, 6)])


def test_the_figures_of_a_variant_are_those_of_its_row(whole):
    rows = figures.pareto_rows(whole)
    assert [row["variant"] for row in rows] == NAMES
    for row, shown in zip(whole.tables[0].rows, rows, strict=True):
        assert shown["median_us"] == row.summary.median_us.value
        assert shown["median_us_low"] == row.summary.median_us.low
        assert shown["zipped_bytes"] == row.variant.zipped_bytes
        assert shown["score"] == pytest.approx(row.accuracy.top1 * 100)


def test_launches_of_one_second_stand_apart_and_in_order(whole):
    rows = figures.launch_rows(whole)
    assert len(rows) == 12
    times = [row["after_s"] for row in rows if row["variant"] == "float32"]
    assert times == sorted(set(times))
    assert all(0 <= time < 1 for time in times)


def test_a_phones_heat_and_waits_stand_beside_its_launches(tmp_path):
    hot = replace(
        examples.launch("float32", 0), state={"before": {"celsius": 41.5}, "waited_s": 12.0}
    )
    cold = replace(examples.launch("float32", 1), state={"before": {"celsius": 30.0}})
    first, second = figures.launch_rows(report(tmp_path, [examples.ENVIRONMENT, hot, cold]))
    assert (first["celsius"], first["waited_s"]) == (41.5, 12.0)
    assert (second["celsius"], second["waited_s"]) == (30.0, None)


def test_a_mean_is_not_called_a_median(tmp_path):
    mean = examples.launch("float32", 0)
    mean = replace(mean, latency=replace(mean.latency, median_us=None, samples_ns=()))
    made = report(tmp_path, [examples.ENVIRONMENT, mean])
    (row,) = figures.launch_rows(made)
    assert (row["of"], row["median_us"]) == ("mean", mean.latency.mean_us)
    pytest.importorskip("altair", reason="the extra `plot` is not installed")
    assert "mean of the launch" in str(made.launches().to_dict())


def test_many_launches_are_summed_up_and_none_is_lost(tmp_path):
    many = [
        replace(
            examples.launch("float32", block, samples_us=[100 + block % 7]),
            started_at=(START + timedelta(seconds=block)).isoformat(),
        )
        for block in range(5_000)
    ]
    rows = figures.launch_rows(report(tmp_path, [examples.ENVIRONMENT, *many]))
    assert len(rows) <= 2 * figures.BINS
    assert sum(row["launches"] for row in rows) == len(many)
    assert {row["low_us"] for row in rows} == {100.0}


def test_a_distribution_is_of_runs_where_there_are_samples(whole):
    bins, marks = figures.distribution_rows(whole)
    for name in NAMES:
        mine = [row for row in bins if row["variant"] == name]
        assert sum(row["fraction"] for row in mine) == pytest.approx(1)
        assert {row["of"] for row in mine} == {"runs"}
    medians = {row["variant"]: row["us"] for row in marks if row["mark"] == "median"}
    assert medians == {
        row.variant.name: row.summary.median_us.value for row in whole.tables[0].rows
    }


def test_a_distribution_is_of_maxima_where_there_are_none(tmp_path):
    def bare(launch):
        return replace(launch, latency=replace(launch.latency, samples_ns=()))

    items = [examples.ENVIRONMENT, *map(bare, examples.launches(NAMES, 6))]
    bins, _ = figures.distribution_rows(report(tmp_path, items))
    assert {row["of"] for row in bins} == {"launch maxima"}


def test_nothing_is_made_of_nothing(tmp_path):
    empty = report(tmp_path, [examples.ENVIRONMENT])
    assert figures.pareto_rows(empty) == []
    assert figures.launch_rows(empty) == []
    assert figures.distribution_rows(empty) == ([], [])
    assert figures.op_rows(empty) == []
    assert figures.part_rows(empty) == []


def test_a_notebook_gets_charts_of_the_librarys_own(whole):
    altair = pytest.importorskip("altair", reason="the extra `plot` is not installed")
    for chart in (whole.pareto(), whole.pareto(x="zipped_bytes"), whole.launches(target="local")):
        assert isinstance(chart, altair.TopLevelMixin)
        assert chart.to_dict()["description"]


def test_a_chart_of_a_target_that_is_not_there_names_those_that_are(whole):
    pytest.importorskip("altair", reason="the extra `plot` is not installed")
    with pytest.raises(UsageError, match="local"):
        whole.launches(target="adb:1")
