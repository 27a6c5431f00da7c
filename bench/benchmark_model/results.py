"""The figures of one run, from whichever of its lines hold them.

A tool prints some figures twice. The count line is believed first (it alone holds the number of
runs and all statistics), then the ``Inference timings`` line, then LiteRT's block, which rounds.
Where they contradict each other, two runs wrote into one log and nothing is believed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from bench.benchmark_model import delegates
from bench.benchmark_model.delegates import Delegate
from bench.benchmark_model.faults import ToolFault
from bench.benchmark_model.lines import Stat, number
from bench.benchmark_model.profile import OpTime
from bench.benchmark_model.runs import Segment

BLOCK_GRAIN_US = 5.0
"""LiteRT's block rounds to 0.01 ms: what it prints may be this far from the truth."""

_MIB = 1024 * 1024  # the tool divides KiB by 1024 and calls it MB


@dataclass(frozen=True)
class ToolRun:
    """One finished run of the tool: the measured inferences, never the warm-up.

    Attributes:
        count: measured inferences; None where a log was cut and only the average is left.
        avg_us: their mean.
        median_us, p95_us: upper median and value at index n·95/100; None before 2.20.
        min_us, max_us: extremes.
        std_us: of the population, cut to an integer by the tool.
        init_us: from nothing to ready.
        first_us: the very first inference, within the warm-up if there was one.
        warmup_us, warmup_count: mean and number of the warm-up's inferences.
        init_bytes, overall_bytes: footprint above that of the tool's start, after init and in all;
            0 where the process that started the tool had a larger one (Linux counts it in).
        peak_bytes: peak footprint, where periodic monitoring was on.
        era: which of the tool's wordings this is: ``1.14 or older``, ``1.15 or 2.0``,
            ``2.1 to 2.3``, ``2.4 or newer``, ``2.14 or newer``, ``2.20 or newer``, ``litert``.
        delegates: what was created and applied, with the tool's words.
        warnings: the tool's own, without those that mean nothing.
        ops: the ops that take the time, where op profiling was on.
    """

    count: int | None
    avg_us: float
    median_us: float | None = None
    p95_us: float | None = None
    min_us: float | None = None
    max_us: float | None = None
    std_us: float | None = None
    init_us: float | None = None
    first_us: float | None = None
    warmup_us: float | None = None
    warmup_count: int | None = None
    init_bytes: int | None = None
    overall_bytes: int | None = None
    peak_bytes: int | None = None
    era: str = ""
    delegates: tuple[Delegate, ...] = ()
    warnings: tuple[str, ...] = ()
    ops: tuple[OpTime, ...] = ()


_Figures = Mapping[str, float | None]


def read_run(segment: Segment) -> ToolRun | ToolFault:
    """The segment's figures, or the fault (``no_result``) that says why there are none."""
    phases = _phases(segment)
    if phases is None or segment.crossed:
        return _DISAGREE
    warmup, measured = phases
    if measured is not None and measured.count == 0:
        return _NOTHING_RUN
    own: _Figures = {} if measured is None else asdict(measured)
    # The timings line has an average of its own, but a warm-up's first inference.
    timings = {"avg_us": segment.timings.get("avg_us")}
    block = segment.block
    if not _same(own, timings, grain_us=0.0) or not _same(own, block, grain_us=BLOCK_GRAIN_US):
        return _DISAGREE

    def figure(name: str, *sources: _Figures) -> float | None:
        return next((one[name] for one in sources if one.get(name) is not None), None)

    sources = (own, timings, block)
    average, count = figure("avg_us", *sources), figure("count", *sources)
    if average is None or count == 0:
        return _silence(segment)
    run = ToolRun(
        count=None if count is None else int(count),
        avg_us=average,
        median_us=figure("median_us", *sources),
        p95_us=figure("p95_us", *sources),
        min_us=figure("min_us", *sources),
        max_us=figure("max_us", *sources),
        std_us=figure("std_us", *sources),
        era=_era(segment),
        delegates=delegates.merge(segment.delegates),
        warnings=tuple(segment.warnings),
        ops=tuple(segment.profile.rows),
    )
    return _with_memory(_with_start(run, segment, warmup, measured), segment)


def _phases(segment: Segment) -> tuple[Stat | None, Stat | None] | None:
    """Warm-up and measured statistics; None where the log contradicts itself."""
    told, grain_us = (segment.timings, 0.0) if segment.timings else (segment.block, BLOCK_GRAIN_US)
    average, warmup_average = told.get("avg_us"), told.get("warmup_us")
    if len(segment.phases) > 1:
        warmup, measured = segment.phases[:2]
        if segment.headers < 2 and (average is None or warmup_average is None):
            return None  # nothing tells that these are of one run, and which is which
        sound = not (warmup and warmup.count) or _agree(warmup.avg_us, warmup_average, grain_us)
        return (warmup, measured) if sound else None
    only = segment.phases[0] if segment.phases else None
    if only is None or average is None:
        return only, None  # the log ends within the warm-up
    # The end of a log whose front was cut: which of the two lines is left, the averages tell.
    is_measured = _agree(only.avg_us, average, grain_us)
    is_warmup = warmup_average is not None and _agree(only.avg_us, warmup_average, grain_us)
    return {
        (True, False): (None, only),
        (False, True): (only, None),
        (True, True): (None, None),
    }.get((is_measured, is_warmup))


def _same(own: _Figures, other: _Figures, *, grain_us: float) -> bool:
    counts = {source["count"] for source in (own, other) if source.get("count") is not None}
    return len(counts) < 2 and _agree(own.get("avg_us"), other.get("avg_us"), grain_us)


def _agree(one: float | None, other: float | None, grain_us: float) -> bool:
    """Whether two prints of a figure are the same but for rounding to six digits and a grain."""
    if one is None or other is None:
        return True
    return abs(one - other) <= grain_us + 2e-5 * max(abs(one), abs(other))


def _with_start(
    run: ToolRun, segment: Segment, warmup: Stat | None, measured: Stat | None
) -> ToolRun:
    """Add what came before the measured runs."""
    timings, block = segment.timings, segment.block
    count = block.get("warmup_count") if warmup is None else warmup.count
    session = segment.first("session")
    ready_ms = None if session is None else number(session.groups["ms"] or "nan")
    run = replace(
        run,
        init_us=timings.get(
            "init_us", block.get("init_us") if ready_ms is None else round(ready_ms * 1000, 3)
        ),
        warmup_count=None if count is None else int(count),
    )
    if count == 0:
        # The tool prints zeros for a warm-up that was not; the first run of all is a measured one.
        return replace(run, first_us=None if measured is None else measured.first_us)
    first, average = block.get("first_us"), block.get("warmup_us")
    if warmup is not None:
        first, average = warmup.first_us, warmup.avg_us
    return replace(
        run,
        first_us=timings.get("first_us", first),
        warmup_us=timings.get("warmup_us") if average is None else average,
    )


def _with_memory(run: ToolRun, segment: Segment) -> ToolRun:
    found: dict[str, int] = {}
    for mark in segment.marks:
        if mark.kind == "memory":
            for name, text in mark.groups.items():
                megabytes = number(text or "nan")
                if megabytes is not None:
                    found[name] = round(megabytes * _MIB)
    return replace(
        run,
        init_bytes=found.get("init"),
        overall_bytes=found.get("overall"),
        peak_bytes=found.get("peak"),
    )


def _era(segment: Segment) -> str:
    """Which wording it is, by what each first printed; the tool never names its version."""
    header = segment.first("header")
    timings = segment.first("timings")
    old = timings is not None and timings.groups["average"] is not None
    bounded = header is not None and header.groups["bound"] is not None
    percentiles = any(
        stat is not None and stat.median_us is not None and stat.std_us for stat in segment.phases
    )
    signs = (
        ("litert", bool(segment.block)),
        ("2.20 or newer", percentiles),
        ("2.14 or newer", header is not None and header.line.level is not None),
        ("2.4 or newer", segment.first("parameters") is not None),
        ("1.15 or 2.0", old and bounded),
        ("1.14 or older", old or (header is not None and not bounded)),
        ("2.1 to 2.3", timings is not None),
    )
    return next((name for name, holds in signs if holds), "")


_NOTHING_RUN = ToolFault(
    "no_result", "the tool measured no inference", "leave --dry_run away and ask for runs"
)
_DISAGREE = ToolFault(
    "no_result",
    "the figures of this log contradict each other: more than one run wrote into it",
    "keep each run's output in a file of its own",
)


def _silence(segment: Segment) -> ToolFault:
    """No figure, and nothing that says why."""
    if not segment.marks:
        return ToolFault(
            "no_result",
            "no line of benchmark_model is in this output",
            "give the whole output of benchmark_model, stdout and stderr",
        )
    words = segment.marks[-1].line.text
    return ToolFault(
        "no_result",
        f"the output ends before any measured result (last: {words})",
        "run it again; if it stays, raise the time limit or look at adb logcat",
        words,
    )
