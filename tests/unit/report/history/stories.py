"""Reports over time with launches made up to order, for the tests of the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.values import Environment, Plan
from tests import examples

NAMES = ("float32", "quantize:int8")
PHONE = Environment("adb:R5", "adb", "a phone", {"fingerprint": "first", "battery_level": 80})
LOCAL = examples.ENVIRONMENT


def report(
    folder: Path,
    number: int,
    *,
    levels: Mapping[str, float] | None = None,
    environments: Sequence[Environment] = (LOCAL,),
    accuracies: Mapping[str, float] | None = None,
    size_bytes: int = 400,
    samples: str = "x",
    plan: Plan | None = None,
    runs: int = 69,
    launches: int = 10,
) -> Path:
    """One report of day ``number`` (from 1); ``levels`` scales a variant's 100 µs."""
    variants = (examples.FLOAT32, replace(examples.INT8, size_bytes=size_bytes))
    session = examples.session(
        variants=variants,
        plan=plan or Plan(launches=launches, runs=runs),
        targets=tuple(environment.target for environment in environments),
        started_at=f"2026-09-{number:02d}T08:00:00+00:00",
        data={"sha256": samples},
    )
    rng = np.random.default_rng(number)
    items = [
        examples.launch(
            name,
            block,
            target=environment.target,
            samples_us=100
            * (levels or {}).get(name, 1.0)
            * np.exp(rng.normal(0, 0.01) + rng.normal(0, 0.01, runs)),
        )
        for environment in environments
        for block in range(launches)
        for name in NAMES
    ]
    evaluated = [
        examples.accuracy(name, 100, top1=top1) for name, top1 in (accuracies or {}).items()
    ]
    return examples.write(
        folder / f"r{number:02d}.jsonl", session, [*environments, *evaluated, *items]
    )
