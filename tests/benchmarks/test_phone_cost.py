"""What the harness costs on a phone: wall time that is not the tool's. Run by ``--benchmarks``.

The tool sleeps, so that the figures are the harness's and not this machine's. Ratios are printed;
the bounds are those of the bridge's own promise.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from bench.measure import Job, measure
from bench.targets import adb
from bench.values import Launch, Plan, Variant
from tests import tiny_models
from tests.phone import loopback
from tests.phone.bridge import variant_of

LAUNCH_MS = 500
PLAN = Plan(launches=10, runs=20, warmup_runs=2, warmup_s=0.0)


@pytest.fixture(scope="module")
def image() -> loopback.Image:
    reason = loopback.obstacle()
    if reason is not None:
        pytest.skip(reason)
    return loopback.build()


@pytest.fixture
def server() -> Iterator[loopback.AdbServer]:
    with loopback.AdbServer() as started:
        yield started


def _variants(folder: Path) -> tuple[Variant, ...]:
    variants = []
    for size in (8, 16, 24, 32, 40):
        path = folder / f"{size}.tflite"
        path.write_bytes(tiny_models.add(size))
        variants.append(variant_of(path, path.stem))
    return tuple(variants)


def _measure(
    phones: Sequence[loopback.Phone],
    server: loopback.AdbServer,
    image: loopback.Image,
    variants: tuple[Variant, ...],
) -> tuple[float, float, float]:
    """Seconds: in all, inside the tool (of the slowest phone), until the first launch's end."""
    given = {
        "adb_server": server.address,
        "benchmark_model": str(image.fault_tool("sleep")),
        "max_slowdown": "1000",  # the work is timed as ever, but other load here is no throttling
    }
    for phone in phones:
        phone.persona.set_fault(ms=LAUNCH_MS)
    targets = [adb.open(phone.serial, PLAN, given) for phone in phones]
    begin = time.perf_counter()
    first_s = 0.0
    inside: dict[str, float] = {}
    for outcome in measure(targets, Job(variants, PLAN), lambda target, words: None):
        if isinstance(outcome, Launch):
            first_s = first_s or time.perf_counter() - begin - outcome.wall_s
            inside[outcome.target] = inside.get(outcome.target, 0.0) + outcome.facts["tool_s"]
        else:
            assert not hasattr(outcome, "error_class"), outcome
    return time.perf_counter() - begin, max(inside.values()), first_s


def test_harness_cost_on_one_phone_and_on_four(
    image: loopback.Image, server: loopback.AdbServer, tmp_path: Path
) -> None:
    variants = _variants(tmp_path)
    with loopback.running(4) as phones:
        for phone in phones:
            server.connect(phone)
        _measure(phones[:1], server, image, tuple(variants[:1]))  # brings everything there
        wall_s, inside_s, first_s = _measure(phones[:1], server, image, variants)
        four_s, _, _ = _measure(phones, server, image, variants)
    cost = 1 - inside_s / wall_s
    sys.stdout.write(
        f"\none phone: {wall_s:.1f} s, {cost:.1%} of it outside the tool, "
        f"{first_s:.2f} s before the first launch; four phones: {four_s / wall_s:.2f} times that\n"
    )
    assert cost <= 0.15
    assert first_s < 2.0
    assert four_s / wall_s <= 1.3
