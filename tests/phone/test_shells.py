"""Launch, lock and resume under the shells of other phones, and with nothing else changed.

All of tests/phone runs under each of them with ``--shim NAME``, see ``make test-shims``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.errors import TargetError
from bench.targets import adb
from bench.targets._adb import options as adb_options
from bench.targets._adb.server import Server
from bench.targets._adb.session import DeviceSession, quietly
from bench.targets._adb.shell import AdbShell
from bench.values import Variant
from tests import tiny_models
from tests.phone.bridge import (
    PLAN,
    ROOT,
    Words,
    background,
    eventually,
    held,
    options,
    tool_of,
    tools,
    variant_of,
)
from tests.phone.loopback import AdbServer, Image, Phone, shim

QUIET = Words()
every_shell = pytest.mark.parametrize("shim", shim.names(), indirect=True)
decisive_shells = pytest.mark.parametrize(
    "shim", [None, "mkdir-existing", "setsid-returns"], indirect=True
)


@pytest.fixture
def shim(request: pytest.FixtureRequest) -> str | None:
    """Overrides the session's choice: these tests name their shells."""
    name: str | None = request.param
    return name


@pytest.fixture
def variant(tmp_path: Path) -> Variant:
    path = tmp_path / "add.tflite"
    path.write_bytes(tiny_models.add())
    return variant_of(path)


@every_shell
def test_a_launch_is_waited_for_survives_a_cut_and_is_ended(
    phone: Phone, adb_server: AdbServer, image: Image, variant: Variant
) -> None:
    phone.persona.set_fault(ms=1500)
    with adb.open(None, PLAN, options(adb_server, image.fault_tool("sleep"))) as target:
        target.prepare([variant], QUIET)
        launch = target.launch(variant, 0, QUIET)
        assert launch.latency.runs == PLAN.runs
        assert launch.facts["tool_s"] == pytest.approx(1.5, abs=0.7)
        assert launch.wall_s >= 1.5

        with background(target, variant, Words()) as future:
            tool = tool_of(phone)
            phone.restart_adbd()
            launch = future.result(60)
        assert not tool.alive()
        assert launch.facts["tool_s"] == pytest.approx(1.5, abs=0.7)
        assert len(list(phone.path(f"{ROOT}/runs").iterdir())) == 1  # collected, not run again

        phone.persona.set_fault(ms=30_000)
        with background(target, variant, Words()) as future:
            tool_of(phone)
            target.cancel()
            with pytest.raises(Exception, match="cancelled"):
                future.result(20)
        eventually(lambda: not tools(phone))
    assert not held(phone)
    eventually(lambda: not phone.processes())


@every_shell
def test_the_real_tool_its_lock_and_its_files(
    phone: Phone, adb_server: AdbServer, benchmark_model: Path, variant: Variant
) -> None:
    given = options(adb_server, benchmark_model)
    remote = phone.path(f"{ROOT}/files/{variant.sha256}.tflite")
    with adb.open(None, PLAN, given) as target:
        target.prepare([variant], QUIET)
        remote.write_bytes(b"\0" * remote.stat().st_size)
        with pytest.raises(TargetError, match="is in use by"):
            adb.open(None, PLAN, given).__enter__()
    with adb.open(None, PLAN, given) as target:
        target.prepare([variant], QUIET)
        assert remote.read_bytes() == variant.path.read_bytes()
        assert target.launch(variant, 0, QUIET).latency.runs == PLAN.runs
    assert adb.clean(None, given)[0] >= 2
    assert not phone.path(ROOT).exists()


def session(server: AdbServer, phone: Phone) -> DeviceSession:
    given = adb_options.read_options(
        {"adb_server": server.address, "stay_on": "no", "fixed_performance": "no"}
    )
    return DeviceSession(AdbShell(Server(server.address), phone.serial), given)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do all at the same moment: what each returned, or its TargetError."""
    gate = threading.Barrier(len(acts))

    def act(number: int) -> object:
        gate.wait()
        try:
            return acts[number]()
        except TargetError as fault:
            return fault

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, range(len(acts))))


@decisive_shells
def test_of_many_pairs_of_harnesses_one_gets_the_phone(phone: Phone, adb_server: AdbServer) -> None:
    session(adb_server, phone).bring_scripts()
    for _ in range(15):
        pair = session(adb_server, phone), session(adb_server, phone)
        told = at_once(*(each.take for each in pair))
        assert [type(each) for each in told].count(TargetError) == 1, told
        holders = [path.name for path in phone.path(f"{ROOT}/lock").glob("holder-*")]
        (winner,) = (each for each, said in zip(pair, told, strict=True) if said is None)
        assert holders == [f"holder-{winner.token}"]
        winner.give_back()
        assert not held(phone)


@decisive_shells
def test_of_many_pairs_of_calls_one_starts_the_launch(
    phone: Phone, adb_server: AdbServer, image: Image, variant: Variant
) -> None:
    phone.persona.set_fault(ms=200)
    given = options(adb_server, image.fault_tool("sleep"))
    with adb.open(None, PLAN, given) as target:
        target.prepare([variant], QUIET)
        files = phone.path(f"{ROOT}/files")
        tool = next(f"{ROOT}/files/{path.name}" for path in files.glob("*benchmark_model"))
        ours = target._session

        def call(name: str) -> dict[str, str]:
            words = (ROOT, ours.token, name, "-", 20, 5, 20, "no", "-", "-")
            model = f"{ROOT}/files/{variant.sha256}.tflite"
            command = ours._command("launch.sh", *words, model, tool, "--num_runs=5")
            return dict(ours.link.ask(command, quietly, 20).values)

        for number in range(8):
            one, two = at_once(*[lambda n=number: call(f"twice-{n}")] * 2)  # type: ignore[misc]  # a default binds it
            assert one["exit"] == two["exit"] == "0"  # type: ignore[index]
            assert one["from_s"] == two["from_s"]  # type: ignore[index]  # the same launch
            assert not tools(phone)


@every_shell
def test_what_the_shim_stands_for_is_so(phone: Phone, adb_server: AdbServer, shim: str) -> None:
    """A shim that changes nothing would prove nothing."""

    def said(command: str) -> bytes:
        return AdbShell(Server(adb_server.address), phone.serial).run(command, 10)

    def answer(command: str) -> bytes:
        return said(command).strip()

    missing = {
        "no-nanoseconds": [],
        "stripped": ["setsid", "timeout", "sha256sum", "taskset", "nohup"],
    }.get(shim, [shim.removeprefix("no-")])
    if shim.startswith("no-") or shim == "stripped":
        for command in missing:
            assert answer(f"which {command} || echo none") == b"none"
        assert (answer("date +%N") == b"%N") == (shim in ("no-nanoseconds", "stripped"))
        assert answer("date +%s").isdigit()
    elif shim == "android-7":
        assert answer("which sha256sum || echo none") == b"none"
        assert answer("date +%N") == b"%N"
        assert answer("echo ab | head -c 1 || echo no") == b"head: not integer: c\nno"
        assert answer("find . -mmin +1 || echo no").endswith(b"no")
        assert said("stat -c %U /data/local/tmp") == b"   shell\n"
    elif shim == "mkdir-existing":
        made = "/data/local/tmp/made"
        assert answer(f"mkdir {made} && mkdir {made} && [ -d {made} ] && echo twice") == b"twice"
    else:
        assert shim == "setsid-returns"
        # The shell stays until the command has a session of its own: what is left goes with it.
        command = "setsid sleep 9 < /dev/null > /dev/null 2>&1 & wait $!; echo $?; sleep 1"
        assert answer(command) == b"0"
        assert any("sleep 9" in each.command for each in phone.processes())
