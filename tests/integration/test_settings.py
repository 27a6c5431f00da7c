"""Several settings on this machine's interpreter, from the command to the report."""

from __future__ import annotations

from collections import Counter

from bench import records
from bench.values import Setting
from tests import tiny_models
from tests.integration.conftest import Cli

QUICK = ("-t", "local", "--launches", "2", "--runs", "3", "--warmup-runs", "1", "--warmup-s", "0")


def test_every_variant_runs_under_every_setting(cli: Cli) -> None:
    for name, content in (("one", tiny_models.add()), ("two", tiny_models.dense())):
        (cli.folder / f"{name}.tflite").write_bytes(content)
    ran = cli("run", "one.tflite", "two.tflite", *QUICK, "--threads", "1,2", "--report", "r.jsonl")
    assert ran.returncode == 0, ran.stderr
    assert "4 cells (2 variants × 2 settings: 1 thread; 2 threads): 8 launches" in ran.stderr
    assert "to go" in ran.stderr
    assert "best setting: one: " in ran.stdout
    found = records.read(cli.folder / "r.jsonl")
    names = [f"{name} @ {each}" for name in ("one", "two") for each in ("1 thread", "2 threads")]
    assert [variant.name for variant in found.session.variants] == names
    assert [v.setting for v in found.session.variants] == [Setting(1), Setting(2)] * 2
    assert Counter(each.variant for each in found.launches) == dict.fromkeys(names, 2)
    assert found.environments[0].facts["threads"] == [1, 2]


def test_a_setting_that_cannot_be_had_fails_its_cells_alone(cli: Cli) -> None:
    (cli.folder / "one.tflite").write_bytes(tiny_models.add())
    ran = cli("run", "one.tflite", *QUICK, "--delegate", "none,gpu", "--report", "r.jsonl")
    assert ran.returncode == 3, ran.stderr
    assert "failed: one @ gpu on local (setting): the local interpreter has no gpu" in ran.stdout
    found = records.read(cli.folder / "r.jsonl")
    assert {each.variant for each in found.launches} == {"one @ no delegate"}


def test_where_no_setting_can_be_had_nothing_is_begun(cli: Cli) -> None:
    (cli.folder / "one.tflite").write_bytes(tiny_models.add())
    ran = cli("run", "one.tflite", *QUICK, "--delegate", "npu,gpu")
    assert ran.returncode in (2, 3)
    assert "has no npu delegate" in ran.stderr
    assert not (cli.folder / "reports").exists()


def test_until_says_that_the_time_cannot_be_known(cli: Cli) -> None:
    (cli.folder / "one.tflite").write_bytes(tiny_models.add())
    ran = cli(
        *("run", "one.tflite", *QUICK, "--threads", "1,2"),
        *("--until", "90%", "--max-launches", "12"),
    )
    assert ran.returncode == 0, ran.stderr
    assert "cannot be known beforehand" in ran.stderr
