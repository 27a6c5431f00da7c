# ruff: noqa: T201 -- a command line prints
"""The loopback phone from a shell: build, run, start, stop, status."""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from . import persona, processes, rundir, shim
from .adb_server import AdbServer
from .host import LoopbackError, cache_dir
from .image import Image, build
from .phone import Phone, running

START_TIMEOUT_S = 30.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(argv)
    commands: dict[str, Callable[[argparse.Namespace], int]]
    commands = {"build": _build, "run": _run, "start": _start, "stop": _stop, "status": _status}
    try:
        return commands[options.command](options)
    except LoopbackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.phone.loopback", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("build", help="build the phone's image, or find it built")
    make.add_argument("--again", action="store_true", help="build even if it is there")
    for name, text in (
        ("run", "start phones and keep them until Ctrl-C"),
        ("start", "start phones that stay until `stop`"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("--count", type=int, default=1, help="how many phones (default: 1)")
        command.add_argument(
            "--persona",
            action="append",
            choices=persona.names(),
            help="what the phone says of itself; given several times, phones take them in turn",
        )
        command.add_argument("--data-mb", type=int, default=256, help="size of /data/local/tmp")
        command.add_argument(
            "--shim", choices=shim.names(), help="a shell that behaves as another phone's"
        )
    commands.add_parser("stop", help="stop every phone that `start` or `run` started")
    commands.add_parser("status", help="list the phones that run")
    return parser


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _build(options: argparse.Namespace) -> int:
    image = build(_progress, again=options.again)
    print(f"phone root       {image.root}")
    print(f"benchmark_model  {image.benchmark_model or 'missing: ' + str(image.tool_reason)}")
    return 0


def _run(options: argparse.Namespace) -> int:
    """Hold phones and an adb server until a signal; a file in the run folder says what runs."""
    image = build(_progress)
    # Blocked from here on, so that none is lost between the start and the wait for it.
    ends = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    personas = options.persona or ["flagship", "older"]
    settings = {"data_mb": options.data_mb, "shim": options.shim}
    with running(options.count, personas, **settings) as phones, AdbServer() as server:
        for phone in phones:
            server.connect(phone)
        facts = _facts(phones, server, image)
        path = rundir.owned() / "phones.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(facts))
        fresh.rename(path)
        print(_describe(facts), flush=True)
        try:
            signal.sigwait(ends)
        finally:
            path.unlink(missing_ok=True)
            for phone in phones:
                server.disconnect(phone.serial)
    return 0


def _facts(phones: Sequence[Phone], server: AdbServer, image: Image) -> dict[str, Any]:
    return {
        "adb_server": server.address,
        "benchmark_model": str(image.benchmark_model) if image.benchmark_model else None,
        "tool_reason": image.tool_reason,
        "phones": [
            {
                "serial": phone.serial,
                "persona": phone.persona.name,
                "state": str(phone.persona.folder),
            }
            for phone in phones
        ],
    }


def _describe(facts: dict[str, Any]) -> str:
    lines = [
        f"{phone['serial']}  {phone['persona']}  state in {phone['state']}"
        for phone in facts["phones"]
    ]
    option = f"--adb-server {facts['adb_server']}"
    tool = facts["benchmark_model"]
    if tool is None:
        lines += [f"no benchmark_model: {facts['tool_reason']}", f"use: bench targets {option}"]
    else:
        lines.append(f"use: bench run MODEL -t adb {option} --benchmark-model {tool}")
    port = str(facts["adb_server"]).rpartition(":")[2]
    lines.append(f"or:  export ANDROID_ADB_SERVER_PORT={port}")
    return "\n".join(lines)


def _start(options: argparse.Namespace) -> int:
    """Run `run` in the background, once the image is there, and wait until its phones are."""
    build(_progress)
    passed = ["--count", str(options.count), "--data-mb", str(options.data_mb)]
    for name in options.persona or []:
        passed += ["--persona", name]
    if options.shim:
        passed += ["--shim", options.shim]
    log = cache_dir() / "start.log"
    with log.open("w") as output:
        holder = subprocess.Popen(
            [sys.executable, "-m", __package__, "run", *passed],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and holder.poll() is None:
        for pid, facts in _held():
            if pid == holder.pid:
                print(_describe(facts))
                print("stop: python -m tests.phone.loopback stop")
                return 0
        time.sleep(0.05)
    holder.terminate()
    raise LoopbackError(f"the phones did not start:\n{log.read_text().strip()}")


def _stop(_: argparse.Namespace) -> int:
    stopped = 0
    for pid, facts in _held():
        holder = processes.find(pid)
        if holder is not None and holder.kill(signal.SIGTERM):
            stopped += len(facts["phones"])
    for line in rundir.sweep():
        _progress(line)
    print(f"stopped {stopped} phone{'' if stopped == 1 else 's'}")
    return 0


def _status(_: argparse.Namespace) -> int:
    held = list(_held())
    for _pid, facts in held:
        print(_describe(facts))
    if not held:
        print("no phone runs; start one: python -m tests.phone.loopback start")
    return 0


def _held() -> Iterator[tuple[int, dict[str, Any]]]:
    """The id of each living process that holds phones for a user, and what it said of them."""
    for path in rundir.owners():
        pid, facts_file = int(path.name.partition("-")[0]), path / "phones.json"
        with contextlib.suppress(FileNotFoundError):
            yield pid, json.loads(Path(facts_file).read_text())
