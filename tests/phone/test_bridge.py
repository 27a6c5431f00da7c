"""The Android bridge on the loopback phone: real adb, real adbd, the real benchmark_model."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import StableLaunchError, TargetError
from bench.targets import adb
from bench.values import Plan, Variant
from tests import tiny_models
from tests.phone.bridge import (
    PLAN,
    ROOT,
    Words,
    background,
    eventually,
    files,
    held,
    options,
    tool_of,
    tools,
    variant_of,
)
from tests.phone.loopback import AdbServer, Image, Phone

QUIET = Words()


@pytest.fixture
def variant(tmp_path: Path) -> Variant:
    path = tmp_path / "dense.tflite"
    path.write_bytes(tiny_models.dense(64, 64))
    return variant_of(path)


def test_a_launch_gives_the_real_tools_figures(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, variant: Variant
) -> None:
    with adb.open(phone.serial, PLAN, options(adb_server, benchmark_model)) as target:
        target.prepare([variant], QUIET)
        launches = [target.launch(variant, block, QUIET) for block in range(2)]
        environment = target.environment()
    for launch in launches:
        assert launch.latency.runs == PLAN.runs
        assert launch.latency.min_us <= launch.latency.mean_us <= launch.latency.max_us
        assert launch.warmup_runs == PLAN.warmup_runs
        assert launch.init_us > 0
        assert launch.peak_bytes > 0
        assert launch.init_bytes > 0
        assert launch.facts["tool_s"] <= launch.wall_s
        assert launch.state["before"]["celsius"] == 33.5
        assert launch.state["before"]["battery_level"] == 87
        assert launch.state["screen"] == "Awake"
    assert launches[0].target == f"adb:{phone.serial}"
    assert environment.label.startswith(f"Loopback One ({phone.serial}) · Android 14")
    assert environment.facts["fingerprint"].startswith("loopback/")
    assert list(environment.facts["cores"].values()) == ["schedutil 300000-2900000"]
    assert len(environment.facts["tool_sha256"]) == 64


@pytest.mark.parametrize("persona", ["older", "bare"])
def test_phones_with_less_to_tell_are_measured_as_well(
    start_phone: Callable[..., Phone],
    adb_server: AdbServer,
    benchmark_model: Path,
    variant: Variant,
    persona: str,
) -> None:
    phone = start_phone(persona)
    with adb.open(phone.serial, PLAN, options(adb_server, benchmark_model)) as target:
        target.prepare([variant], QUIET)
        launch = target.launch(variant, 0, QUIET)
        assert target.environment().facts["settings"]["fixed_performance"] == "refused"
    assert isinstance(launch.state["before"]["celsius"], float)


def test_the_state_after_a_launch_is_read_once_a_second(
    phone: Phone, adb_server: AdbServer, image: Image, variant: Variant
) -> None:
    phone.persona.set_fault(ms=1200)
    with adb.open(None, PLAN, options(adb_server, image.fault_tool("sleep"))) as target:
        target.prepare([variant], QUIET)
        target.launch(variant, 0, QUIET)
        launch = target.launch(variant, 1, QUIET)
        assert launch.state["after"]["battery_level"] == 87
        phone.persona.set_fault(ms=50)
        quick = [target.launch(variant, block, QUIET) for block in range(6)]
    assert any("after" not in each.state for each in quick)


def test_a_second_run_pushes_nothing(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, variant: Variant
) -> None:
    seen = []
    for _ in range(2):
        with adb.open(None, PLAN, options(adb_server, benchmark_model)) as target:
            target.prepare([variant], QUIET)
        seen.append({name: size for name, (size, _) in files(phone).items()})
        inodes = {path: phone.path(f"{ROOT}/{path}").stat().st_ino for path in seen[-1]}
        seen.append(inodes)
    assert seen[0] == seen[2]
    assert seen[1] == seen[3]


def test_an_equal_size_file_that_differs_is_pushed(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, variant: Variant, tmp_path: Path
) -> None:
    other = tmp_path / "other.tflite"
    content = bytearray(variant.path.read_bytes())
    content[-1] ^= 1
    other.write_bytes(content)
    twin = variant_of(other, "twin")
    with adb.open(None, PLAN, options(adb_server, benchmark_model)) as target:
        target.prepare([variant, twin], QUIET)
    for each in (variant, twin):
        assert phone.read(f"{ROOT}/files/{each.sha256}.tflite") == each.path.read_bytes()


def test_a_file_damaged_on_the_phone_is_pushed_again(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, variant: Variant
) -> None:
    remote = f"{ROOT}/files/{variant.sha256}.tflite"
    for _ in range(2):
        with adb.open(None, PLAN, options(adb_server, benchmark_model)) as target:
            target.prepare([variant], QUIET)
            content = phone.read(remote)
        phone.path(remote).write_bytes(b"\0" * len(content))
    assert content == variant.path.read_bytes()


def test_a_hostile_path_runs_nothing_and_works(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, variant: Variant, tmp_path: Path
) -> None:
    folder = tmp_path / "a b'c\"d $(touch pwned) `touch pwned`; touch pwned\n&& touch pwned #"
    folder.mkdir()
    hostile = folder / "-rf *.tflite\n$(touch pwned)"
    hostile.write_bytes(variant.path.read_bytes())
    with adb.open(None, PLAN, options(adb_server, benchmark_model)) as target:
        named = variant_of(hostile, "$(touch /data/local/tmp/pwned)'\"\n")
        target.prepare([named], QUIET)
        assert target.launch(named, 0, QUIET).latency.runs == PLAN.runs
    assert not list(phone.path("/data/local/tmp").rglob("*pwned*"))
    assert not list(tmp_path.rglob("pwned"))


def test_tool_arguments_are_passed_whole(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, variant: Variant
) -> None:
    plan = Plan(runs=5, tool_args=("--use_caching=true", "--output_prefix=$(id) 'x'"))
    with adb.open(None, plan, options(adb_server, benchmark_model)) as target:
        target.prepare([variant], QUIET)
        assert target.launch(variant, 0, QUIET).latency.runs == 5


def test_the_profile_names_the_ops(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, variant: Variant
) -> None:
    plan = Plan(runs=5, profile=True)
    with adb.open(None, plan, options(adb_server, benchmark_model)) as target:
        target.prepare([variant], QUIET)
        ops = target.launch(variant, 0, QUIET).facts["ops"]
    assert [each["op"] for each in ops] == ["FULLY_CONNECTED"]


def test_affinity_is_applied_and_read_back(
    phone: Phone,
    adb_server: AdbServer,
    benchmark_model: Path,
    variant: Variant,
    has_taskset: bool,
) -> None:
    plan = Plan(runs=5, affinity="0")
    if not has_taskset:
        with pytest.raises(TargetError, match="has no taskset"):
            adb.open(None, plan, options(adb_server, benchmark_model)).__enter__()
        return
    with adb.open(None, plan, options(adb_server, benchmark_model)) as target:
        target.prepare([variant], QUIET)
        target.launch(variant, 0, QUIET)
        assert target.environment().facts["affinity"] == "0"
    with pytest.raises(TargetError, match="cannot bind to CPUs 60"):
        adb.open(None, Plan(affinity="60"), options(adb_server, benchmark_model)).__enter__()
    assert not held(phone)


def test_settings_are_applied_and_undone(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    before = phone.persona.read("settings/global/stay_on_while_plugged_in")
    with adb.open(None, PLAN, options(adb_server, benchmark_model)) as target:
        assert phone.persona.read("settings/global/stay_on_while_plugged_in") == "7"
        assert phone.persona.read("power/fixed_performance") == "true"
        assert target.environment().facts["settings"]["stay_on"] == "7"
    assert phone.persona.read("settings/global/stay_on_while_plugged_in") == before
    assert phone.persona.read("power/fixed_performance") == "false"
    assert not phone.path(f"{ROOT}/note").exists()


def test_settings_are_undone_after_an_error(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    target = adb.open(None, PLAN, options(adb_server, benchmark_model))
    with pytest.raises(KeyboardInterrupt), target:
        raise KeyboardInterrupt
    assert phone.persona.read("power/fixed_performance") == "false"


def test_settings_that_are_not_wanted_are_left_alone(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    more = options(adb_server, benchmark_model, stay_on="no", fixed_performance="no")
    with adb.open(None, PLAN, more):
        assert phone.persona.read("power/fixed_performance") == "false"


def test_cancel_ends_the_tool_and_the_launch(
    phone: Phone, adb_server: AdbServer, image: Image, variant: Variant
) -> None:
    tool = image.fault_tool("hang")
    with adb.open(None, PLAN, options(adb_server, tool)) as target:
        target.prepare([variant], QUIET)
        with background(target, variant, Words()) as future:
            tool_of(phone)
            target.cancel()
            with pytest.raises(Exception, match="cancelled"):
                future.result(20)
        eventually(lambda: not tools(phone))
    assert not held(phone)


def test_the_second_harness_is_told_who_holds_the_phone(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    given = options(adb_server, benchmark_model)
    with (
        adb.open(None, PLAN, given),
        pytest.raises(TargetError, match=r"is in use by .*, process \d+, since"),
    ):
        adb.open(None, PLAN, given).__enter__()
    with adb.open(None, PLAN, given):
        pass


def test_the_second_harness_may_wait(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path
) -> None:
    first = adb.open(None, PLAN, options(adb_server, benchmark_model)).__enter__()
    threading.Timer(2.0, first.__exit__, (None, None, None)).start()
    patient = options(adb_server, benchmark_model, lock_timeout_s="30")
    with adb.open(None, PLAN, patient) as second:
        assert second.environment().kind == "adb"


def test_several_phones_side_by_side(
    two_phones: tuple[Phone, Phone], adb_server: AdbServer, benchmark_model: Path, variant: Variant
) -> None:
    given = options(adb_server, benchmark_model)
    with pytest.raises(TargetError, match="2 phones are attached"):
        adb.open(None, PLAN, given)
    found = adb.discover({"adb_server": adb_server.address})
    assert sorted(status.target for status in found) == sorted(
        f"adb:{phone.serial}" for phone in two_phones
    )
    assert all(status.ready for status in found)
    labels = set()
    for phone in two_phones:
        with adb.open(phone.serial, PLAN, given) as target:
            target.prepare([variant], QUIET)
            target.launch(variant, 0, QUIET)
            labels.add(target.environment().label)
    assert len(labels) == 2


def test_clean_removes_only_what_is_ours(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, variant: Variant
) -> None:
    theirs = phone.path("/data/local/tmp/theirs")
    theirs.write_text("x")
    given = options(adb_server, benchmark_model)
    with adb.open(None, PLAN, given) as target:
        target.prepare([variant], QUIET)
        with pytest.raises(TargetError, match="in use"):
            adb.clean(None, given)
    removed, freed = adb.clean(None, given)
    assert removed >= 8
    assert freed > variant.size_bytes
    assert not phone.path(ROOT).exists()
    assert theirs.read_text() == "x"


def test_the_folder_stays_within_its_cap(
    phone: Phone, adb_server: AdbServer, image: Image, tmp_path: Path
) -> None:
    given = options(adb_server, image.fault_tool("sleep"), cap_mb="2")
    for turn in range(4):
        path = tmp_path / f"{turn}.tflite"
        path.write_bytes(bytes([turn]) * 900_000)
        with adb.open(None, PLAN, given) as target:
            target.prepare([variant_of(path)], QUIET)
    sizes = [size for name, (size, _) in files(phone).items() if name.startswith("files/")]
    assert sum(sizes) <= 2 * 2**20
    assert phone.path(f"{ROOT}/files/{variant_of(path).sha256}.tflite").exists()


def test_a_tool_for_another_machine_is_not_pushed(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, tmp_path: Path
) -> None:
    content = bytearray(benchmark_model.read_bytes())
    content[18:20] = (40).to_bytes(2, "little")  # e_machine: EM_ARM
    wrong = tmp_path / "benchmark_model"
    wrong.write_bytes(content)
    with pytest.raises(TargetError, match="the phone runs"):
        adb.open(None, PLAN, options(adb_server, wrong)).__enter__()
    assert not phone.path(ROOT).exists()  # told before anything is pushed


def test_a_tool_that_needs_another_loader_is_refused(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, tmp_path: Path
) -> None:
    loader = b"/lib64/ld-linux-x86-64.so.2"
    content = benchmark_model.read_bytes()
    if loader not in content:
        pytest.skip("the tool of this machine has another loader")
    other = tmp_path / "benchmark_model"
    other.write_bytes(content.replace(loader, b"/lib64/ld-nothing-86-64.so.2"[: len(loader)]))
    with pytest.raises(TargetError, match="which this phone does not have"):
        adb.open(None, PLAN, options(adb_server, other)).__enter__()


@pytest.mark.parametrize(
    ("delegate", "error_class"),
    [("gpu", "unknown_flag"), ("nnapi", "unknown_flag"), ("xnnpack", "unknown_flag")],
)
def test_a_delegate_that_the_tool_lacks_is_no_slow_row(
    phone: Phone,
    adb_server: AdbServer,
    benchmark_model: Path,
    variant: Variant,
    delegate: str,
    error_class: str,
) -> None:
    plan = Plan(runs=5, delegate=delegate)
    with adb.open(None, plan, options(adb_server, benchmark_model)) as target:
        target.prepare([variant], QUIET)
        with pytest.raises(StableLaunchError, match=delegate) as caught:
            target.launch(variant, 0, QUIET)
    assert caught.value.error_class == error_class
