"""Values for tests: a session, its launches, a whole report file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.metrics import figures, intervals
from bench.metrics.values import Accuracy, DeviceAnswers, OutputAgreement, Score, Verdict
from bench.records import End, Session, Writer
from bench.records.search import DroppedPoint, Limits, Outcome, Search, SearchTrial
from bench.targets.local import from_samples
from bench.tflite.values import FileFacts, WeightFacts
from bench.values import Environment, Launch, Model, Plan, Variant

ROOT = Path(__file__).parents[1]

MODEL = Model("tiny", "keras", "tiny.keras", "a" * 64)
ENVIRONMENT = Environment("local", "local", "this machine", {"cpu": "made up", "threads": 1})
WEIGHT = WeightFacts(
    name="net/dense/MatMul",
    op="FULLY_CONNECTED",
    shape=(10, 10),
    dtype="float32",
    elements=100,
    zeros=0,
    sparsity=0.0,
    unique=100,
    unique_max_per_channel=10,
    channel_axis=0,
    stored_bytes=400,
    is_sparse=False,
    index_coded_bytes=400,
    coding="stored",
)
FILE_FACTS = FileFacts(
    size_bytes=1000,
    sha256="f" * 64,
    zipped_bytes=800,
    index_coded_bytes=1000,
    parameters=110,
    description="made up",
    converter_version=None,
    min_runtime_version=None,
    subgraphs=1,
    inputs=(),
    outputs=(),
    signatures={},
    ops={},
    arithmetic={},
    int8_share=None,
    integer_share=None,
    float_ops={},
    weights=(WEIGHT,),
    weight_elements=100,
    weight_zeros=0,
    sparsity=0.0,
    unique_max_per_channel=10,
)


def variant(name: str = "float32", size_bytes: int = 1000, zipped_bytes: int = 800) -> Variant:
    return Variant(name, Path(f"/nowhere/{name}.tflite"), f"{name:f<64}", size_bytes, zipped_bytes)


def variant_with_facts(name: str, **facts: object) -> Variant:
    """A variant whose file was read."""
    made = replace(FILE_FACTS, **facts)  # type: ignore[arg-type]
    return replace(variant(name), facts=made)


FLOAT32 = variant()
INT8 = variant("quantize:int8", 400, 200)


def session(
    *, variants: Sequence[Variant] = (FLOAT32, INT8), launches: int = 3, **changes: object
) -> Session:
    made = Session(
        model=MODEL,
        plan=Plan(launches=launches, runs=4),
        variants=tuple(variants),
        targets=("local",),
        started_at="2026-11-24T08:00:00+00:00",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def launch(
    variant: str = "float32",
    block: int = 0,
    *,
    target: str = "local",
    samples_us: Sequence[float] = (100, 101, 102, 110),
) -> Launch:
    return Launch(
        variant=variant,
        target=target,
        block=block,
        latency=from_samples([round(sample * 1e3) for sample in samples_us]),
        init_us=500.0,
        first_us=150.0,
        warmup_runs=10,
        warmup_us=105.0,
        peak_bytes=30_000_000,
        wall_s=0.5,
        started_at="2026-11-24T08:00:01+00:00",
    )


def launches(variants: Sequence[str], blocks: int, *, base_us: float = 100) -> list[Launch]:
    """Of each variant and block one; each next variant takes half the time of the one before."""
    return [
        launch(
            name,
            block,
            samples_us=[base_us / 2**number + block * 0.1 + run * 0.01 for run in range(4)],
        )
        for block in range(blocks)
        for number, name in enumerate(variants)
    ]


def write(path: Path, session: Session, items: Sequence[object], *, end: bool = True) -> Path:
    """A report file, written by the real writer."""
    with Writer(path, session) as writer:
        for item in items:
            writer.append(item)  # type: ignore[arg-type]
        if end:
            writer.append(End(wall_s=10.0, launches_s=9.5))
    return path


def accuracy(
    variant: str,
    samples: int,
    top1: float | None = None,
    *,
    before: float | None = None,
    swapped: int = 0,
    agreement: float | None = None,
) -> Accuracy:
    """An accuracy with a real interval, and a loss where the baseline's share is given.

    Args:
        swapped: so many samples that the baseline alone answers right, and as many that the
            variant alone does, beyond the difference of the two.
    """
    scores: list[Score] = []
    if top1 is not None:
        after = np.arange(samples) < round(top1 * samples)
        theirs = None
        if before is not None:
            first = np.arange(samples) < round(before * samples)
            after[:swapped] = False
            after[samples - swapped :] |= swapped > 0
            theirs = first[:, None]
        scores.append(intervals.proportion("", "accuracy", after[:, None], theirs, decides=True))
    if agreement is not None:
        same = (np.arange(samples) < round(agreement * samples))[:, None].astype(float)
        metric = figures.METRICS["agreement"]
        scores.append(intervals.scored("", metric, same, None, decides=top1 is None))
    return Accuracy(variant, samples, tuple(scores))


def answers(
    variant: str,
    verdict: Verdict = "same",
    *,
    target: str = "adb:1",
    top1: float | None = None,
    agreement: float = 1.0,
    reason: str = "",
) -> DeviceAnswers:
    """What a phone answers to 200 samples; with a real interval where a share is right."""
    known = () if top1 is None else accuracy(variant, 200, top1, before=top1).scores
    output = OutputAgreement("", verdict, reason, agreement, 0.99, 0.01)
    outputs = () if verdict == "not known" else (output,)
    hint = "try another delegate" if reason else ""
    return DeviceAnswers(variant, target, 200, verdict, reason, hint, outputs, known, 2, 1.5)


def outcome(zipped_bytes: int, loss: float | None, **changes: object) -> Outcome:
    """Of a trial that worked; or failed, where no loss is known."""
    failure = "" if loss is not None else "it broke"
    made = Outcome(2 * zipped_bytes, zipped_bytes, loss, 0.001, seconds=9.0, failure=failure)
    return replace(made, **changes)  # type: ignore[arg-type]


def search(**changes: object) -> Search:
    """Five trials by zipped size within a point: two kept to it, one was beaten, one failed."""
    outcomes = (
        outcome(400, 0.004),
        outcome(100, 0.2),
        outcome(300, 0.002),
        outcome(0, None),
        outcome(200, 0.008),
    )
    trials = tuple(
        SearchTrial(number + 2, 0, f"cluster:{number + 4}", "sampler", each)
        for number, each in enumerate(outcomes)
    )
    made = Search(
        by="zipped",
        limits=Limits(loss=0.01),
        samples=1000,
        seconds=95.0,
        ended="all of 5 trials made",
        front={"front-1": 6, "front-2": 4},
        trials=trials,
        dropped=(DroppedPoint(1, "weights of about 9 kB zipped"),),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def searched(path: Path, kept: Search | None = None, *, end: bool = True) -> Path:
    """The report file of a search: its front on test samples, launched."""
    names = ["float32", "front-1", "front-2"]
    recipes = {"front-1": "cluster:8", "front-2": "cluster:6"}
    variants = [
        replace(variant(name, 2 * size, size), recipe=recipes.get(name, ""))
        for name, size in zip(names, (800, 200, 300), strict=True)
    ]
    items: list[object] = [kept or search(), ENVIRONMENT, accuracy("float32", 5000, 0.9)]
    items += [accuracy(name, 5000, 0.896, before=0.9, swapped=5) for name in names[1:]]
    made = session(variants=variants, launches=6, command=("search", "tiny.keras"))
    return write(path, made, [*items, *launches(names, 6)], end=end)
