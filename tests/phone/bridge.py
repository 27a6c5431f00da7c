"""What the tests of the Android bridge share: small models, an opened target, waiting."""

from __future__ import annotations

import hashlib
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from bench.targets import adb
from bench.values import Launch, Plan, Variant
from tests.phone.loopback import AdbServer, Phone, Process

ROOT = "/data/local/tmp/tflite-bench"
PLAN = Plan(launches=2, runs=20, warmup_runs=2, warmup_s=0.0, timeout_s=30)


def variant_of(path: Path, name: str = "as-is") -> Variant:
    """A variant of a file, with no facts."""
    content = path.read_bytes()
    return Variant(
        name, path, hashlib.sha256(content).hexdigest(), len(content), len(zlib.compress(content))
    )


def options(server: AdbServer, tool: Path, **more: str) -> dict[str, str]:
    """Options for a test: no timed work (this machine is not quiet), short patience."""
    return {
        "adb_server": server.address,
        "benchmark_model": str(tool),
        "throttle_every_s": "1000000",
        "max_slowdown": "1000",
        "reconnect_s": "20",
        "gate_timeout_s": "30",
        **more,
    }


class Words:
    """A progress that remembers, and can wait for a word."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, words: str) -> None:
        self.said.append(words)

    def wait_for(self, part: str, seconds: float = 20.0) -> None:
        eventually(lambda: any(part in words for words in self.said), seconds)


@contextmanager
def background(target: adb.AdbTarget, variant: Variant, words: Words) -> Iterator[Future[Launch]]:
    """A launch in a thread of its own, as measure.py has it; the block may hurt the phone."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(target.launch, variant, 0, words)
        try:
            yield future
        except BaseException:
            target.cancel()
            raise


def eventually(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something is true, and fail if it does not become so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def tools(phone: Phone) -> list[Process]:
    """The pushed tools that run on the phone now."""
    return [each for each in phone.processes() if each.command.startswith(f"{ROOT}/files/")]


def tool_of(phone: Phone) -> Process:
    """The running tool, awaited."""
    eventually(lambda: bool(tools(phone)))
    return tools(phone)[0]


def files(phone: Phone) -> dict[str, tuple[int, int]]:
    """Size and time of change of each file of ours on the phone."""
    root = phone.path(ROOT)
    return {
        str(path.relative_to(root)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }


def held(phone: Phone) -> bool:
    """Whether a harness holds the phone."""
    return any(phone.path(f"{ROOT}/lock").glob("holder-*"))


def later(seconds: float, act: Callable[[], None]) -> threading.Timer:
    """Do something after a while, in another thread."""
    timer = threading.Timer(seconds, act)
    timer.start()
    return timer
