"""A full phone, and a folder that is not ours: told at once, with a cure that works."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bench.errors import StableLaunchError, TargetError
from bench.targets import adb
from bench.targets._adb.shell import AdbShell
from bench.values import Variant
from tests import tiny_models
from tests.phone.bridge import (
    PLAN,
    ROOT,
    Words,
    background,
    held,
    options,
    tool_of,
    variant_of,
)
from tests.phone.loopback import AdbServer, Image, Phone

QUIET = Words()


@pytest.fixture
def variant(tmp_path: Path) -> Variant:
    path = tmp_path / "add.tflite"
    path.write_bytes(tiny_models.add())
    return variant_of(path)


@pytest.fixture
def given(adb_server: AdbServer, image: Image) -> dict[str, str]:
    return options(adb_server, image.fault_tool("sleep"))


def used(phone: Phone, given: dict[str, str], variant: Variant) -> None:
    """Leave behind what a run leaves."""
    with adb.open(phone.serial, PLAN, given) as target:
        target.prepare([variant], QUIET)


@pytest.mark.parametrize("before", ["never used", "used"])
def test_a_full_phone_is_told_and_locks_nobody_out(
    phone: Phone, given: dict[str, str], variant: Variant, before: str
) -> None:
    if before == "used":
        used(phone, given, variant)
    phone.fill_disk()
    for _ in range(2):
        with pytest.raises(TargetError, match="is full"):
            adb.open(None, PLAN, given).__enter__()
    assert not held(phone)
    phone.free_disk()
    with adb.open(None, PLAN, given) as target:  # at once, not after 900 s
        target.prepare([variant], QUIET)
        assert target.launch(variant, 0, QUIET).latency.runs == PLAN.runs


def test_clean_works_on_a_full_phone(phone: Phone, given: dict[str, str], variant: Variant) -> None:
    used(phone, given, variant)
    phone.fill_disk()
    removed, freed_bytes = adb.clean(None, given)
    assert removed >= 3
    assert freed_bytes > 100_000
    assert not phone.path(ROOT).exists()
    assert adb.clean(None, given) == (0, 0)
    assert not phone.path(ROOT).exists()


def test_clean_of_a_full_phone_undoes_what_a_dead_harness_left(
    phone: Phone, given: dict[str, str], variant: Variant
) -> None:
    before = phone.persona.read("settings/global/stay_on_while_plugged_in")
    target = adb.open(None, PLAN, given).__enter__()
    assert phone.persona.read("settings/global/stay_on_while_plugged_in") != before
    (lock,) = phone.path(f"{ROOT}/lock").glob("holder-*")
    lock.write_text(lock.read_text().replace('"born":', '"born":9'))  # as if its number were reused
    phone.fill_disk()
    adb.clean(None, given)
    assert phone.persona.read("settings/global/stay_on_while_plugged_in") == before
    assert not phone.path(ROOT).exists()
    target._session._held = False


def test_clean_leaves_a_phone_that_is_in_use(
    phone: Phone, given: dict[str, str], variant: Variant
) -> None:
    with adb.open(None, PLAN, given) as target:
        phone.fill_disk()
        with pytest.raises(TargetError, match="is in use by"):
            adb.clean(None, given)
        phone.free_disk()
        target.prepare([variant], QUIET)
        assert target.launch(variant, 0, QUIET).latency.runs == PLAN.runs


def test_clean_counts_what_was_there_and_not_what_it_brought(
    phone: Phone, given: dict[str, str]
) -> None:
    assert adb.clean(None, given) == (0, 0)
    assert not phone.path(ROOT).exists()


def test_a_phone_that_fills_up_in_a_launch_is_told(
    phone: Phone, given: dict[str, str], variant: Variant
) -> None:
    phone.persona.set_fault(ms=2000)
    with adb.open(None, PLAN, given) as target:
        target.prepare([variant], QUIET)
        with background(target, variant, Words()) as future:
            tool_of(phone)
            phone.fill_disk()
            with pytest.raises(StableLaunchError, match="is full") as caught:
                future.result(30)
        assert caught.value.error_class == "disk_full"
        with pytest.raises(StableLaunchError, match="is full"):
            target.launch(variant, 1, QUIET)
        phone.free_disk()
        phone.persona.set_fault(ms=100)
        assert target.launch(variant, 2, QUIET).latency.runs == PLAN.runs


def own(path: Path, user: int, *, whole: bool) -> None:
    for each in (path, *(path.rglob("*") if whole else ())):
        os.chown(each, user, user)


@pytest.mark.parametrize("part", ["", "lock", "runs", "files"])
def test_a_folder_of_another_user_is_told_with_its_cure(
    phone: Phone,
    given: dict[str, str],
    variant: Variant,
    part: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used(phone, given, variant)
    own(phone.path(f"{ROOT}/{part}"), 0, whole=not part)  # as after adb root
    asked: list[str] = []
    run = AdbShell.run

    def counted(self: AdbShell, command: str, stall_s: float = 15.0) -> bytes:
        asked.append(command)
        return run(self, command, stall_s)

    monkeypatch.setattr(AdbShell, "run", counted)
    begin = time.monotonic()
    with pytest.raises(TargetError, match="belongs to root, and adb is shell") as caught:
        adb.open(None, PLAN, given).__enter__()
    assert "adb root" in caught.value.hint
    assert len(asked) < 10
    assert time.monotonic() - begin < 10
    assert not held(phone)
    if not part:
        with pytest.raises(TargetError, match="root"):
            adb.clean(None, given)
    own(phone.path(f"{ROOT}/{part}"), 2000, whole=not part)
    with adb.open(None, PLAN, given):
        pass


def test_a_file_where_our_folder_should_be_is_told(phone: Phone, given: dict[str, str]) -> None:
    phone.path(ROOT).write_text("somebody's")
    with pytest.raises(TargetError, match="is no folder") as caught:
        adb.open(None, PLAN, given).__enter__()
    assert caught.value.hint == f"remove it: adb -s {phone.serial} shell rm {ROOT}"
    assert phone.path(ROOT).read_text() == "somebody's"


def test_a_place_that_the_shell_may_not_write_to_is_told(
    phone: Phone, given: dict[str, str]
) -> None:
    place = phone.path(ROOT).parent
    place.chmod(0o555)
    own(place, 0, whole=False)
    with pytest.raises(TargetError, match=f"{ROOT} on .* cannot be written") as caught:
        adb.open(None, PLAN, given).__enter__()
    assert caught.value.hint == "check that the shell may write to /data/local/tmp"


def test_what_is_removed_behind_a_link_is_counted(
    phone: Phone, given: dict[str, str], variant: Variant
) -> None:
    used(phone, given, variant)
    phone.path(ROOT).rename(phone.path(f"{ROOT}-elsewhere"))
    phone.path(ROOT).symlink_to("tflite-bench-elsewhere")
    count, size_bytes = adb.clean(None, given)
    assert count > 0
    assert size_bytes > 0
