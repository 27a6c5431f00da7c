"""What benchmark_model could tell of single runs, and at what cost in time and truth, as Markdown.

``python -m tests.benchmarks.tool_samples -t adb [--launches N] [--set KEY=VALUE]``: about two
minutes on the loopback phone. The tool prints no samples, but of a launch of up to four runs they
follow from what it prints: the first, the last, the smallest, the largest and the average. So many
launches of four runs are one way to samples; the others are what its flags offer. Here each is
launched in the same shuffled blocks as ``bench run`` does it:

- how its median differs from that of a launch of 69 runs, as a ratio of paired blocks: what is
  measured in another way is another figure;
- what a launch takes;
- the P99 of the maxima of long launches, and of all runs of short ones.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bench import plugins
from bench.cli._parser import value
from bench.cli._shared import TargetArguments, add_target_arguments
from bench.pipeline import choose
from bench.stats.intervals import Interval, p99_from_maxima, p99_from_samples, paired_interval
from bench.targets._adb.command import command_line, dialect_for, model_artefact
from bench.targets.adb import AdbTarget
from bench.values import Plan
from tests import tiny_models
from tests.benchmarks.aa_noise import CHANNELS, SIZE
from tests.phone.bridge import variant_of

MOST_RECOVERED = 4
"""Of so many runs each is known: two by their place, the others by extremes and average. Only where
the first and the last of four are the extremes, the other two are known by their mean alone."""

LONG = "69 runs"
SHORT = f"{MOST_RECOVERED} runs"
_COUNT_LINE = re.compile(r"\bcount=\d+ .*")
_FIELD = re.compile(r"(\w+)=([\d.e+]+)")


def recover(told: Mapping[str, float]) -> tuple[float, ...] | None:
    """Every run of a ``count=`` line of one to four, in no certain order, in microseconds.

    Args:
        told: its fields; ``count=1 curr=X`` and ``count=N curr=X(all same)`` have no others.

    Returns:
        the runs, or None where there were more than four.
    """
    count = int(told["count"])
    if "avg" not in told:
        return (told["curr"],) * count
    if not 1 < count <= MOST_RECOVERED:
        return None
    known = [told["first"], told["curr"]]
    for extreme in (told["min"], told["max"]):
        if len(known) < count and extreme not in known:
            known.append(extreme)
    rest = count - len(known)
    if rest == 1:
        known.append(round(told["avg"] * count - sum(known)))
    elif rest == 2:  # the extremes are first and last; both others are as good as their mean
        known += [(told["avg"] * count - sum(known)) / 2] * 2
    return tuple(known)


@dataclass
class Way:
    """One way of launching the tool, and what came of it."""

    plan: Plan
    medians: list[float] = field(default_factory=list)
    maxima: list[float] = field(default_factory=list)
    samples: list[float] = field(default_factory=list)
    wall_s: list[float] = field(default_factory=list)


def ways(plan: Plan) -> dict[str, Way]:
    """By what is different from how ``bench run`` does it."""

    def with_flags(*flags: str) -> Way:
        return Way(replace(plan, tool_args=flags))

    return {
        LONG: Way(plan),
        SHORT: Way(replace(plan, runs=MOST_RECOVERED)),
        "op profiling": Way(replace(plan, profile=True)),
        "peak memory watched": with_flags("--report_peak_memory_footprint=true"),
        "10 ms between runs": with_flags("--run_delay=0.01"),
        "50 runs a second": with_flags("--run_frequency=50"),
    }


def read(output: str) -> dict[str, float]:
    """The fields of the measured runs' line, the second of its kind."""
    lines = _COUNT_LINE.findall(output)
    return {key: float(text) for key, text in _FIELD.findall(lines[1])}


def measure(target: AdbTarget, variant_path: Path, found: Mapping[str, Way], blocks: int) -> None:
    """Launch every way once a block, in an order drawn anew."""
    rng = np.random.default_rng(0)
    variant = variant_of(variant_path)
    target.prepare([variant], _quiet)
    _, tool, _ = target._entered()
    model, dialect = model_artefact(variant), dialect_for(tool, target._tool_version)
    for block in range(blocks):
        sys.stderr.write(f"\rblock {block + 1} of {blocks}")
        for name in rng.permutation(list(found)):
            way = found[name]
            command = command_line(tool, model, way.plan, dialect, variant)
            begin = time.perf_counter()
            answer = target._session.launch(
                command, model.remote, way.plan.timeout_s, "-", "-", False, _quiet
            )
            way.wall_s.append(time.perf_counter() - begin)
            told = read(answer.streams[0].decode())
            runs = recover(told)
            # Long launches of this tool tell no median; their average stands for it.
            way.medians.append(float(np.mean(runs)) if runs else told["avg"])
            way.maxima.append(told.get("max", told["curr"]))
            way.samples += runs or ()
    sys.stderr.write("\r" + " " * 30 + "\r")


def _quiet(_: str) -> None:
    """Nobody watches."""


def table(found: Mapping[str, Way]) -> Iterator[str]:
    """One line per way."""
    yield "| launched with | average against 69 runs, 96 % | a launch takes | P99, 95 % |"
    yield "|---|---|---|---|"
    plain = np.log(found[LONG].medians)
    for name, way in found.items():
        ratio = paired_interval(np.log(way.medians) - plain)
        against = _in_brackets(ratio, lambda end: f"{end:.3f}") if name != LONG else ""
        p99 = _in_brackets(_p99(way), lambda end: f"{end:,.0f} µs") if name in _WITH_P99 else ""
        yield f"| {name} | {against} | {np.median(way.wall_s) * 1000:.0f} ms | {p99} |"


_WITH_P99 = (LONG, SHORT)


def _p99(way: Way) -> Interval:
    """From all runs where they are known, else from the launches' maxima."""
    runs = np.full(len(way.medians), way.plan.runs)
    centres = np.log(way.medians)
    if way.samples:
        return p99_from_samples(np.log(way.samples), centres, runs)
    return p99_from_maxima(np.log(way.maxima), centres, runs)


def _in_brackets(interval: Interval, show: Callable[[float], str]) -> str:
    ends = [float(np.exp(end)) for end in interval]
    if not np.isfinite(ends).all():
        return "none, too few"
    return f"{show(ends[0])} [{show(ends[1])}, {show(ends[2])}]"


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-t", "--target", action="append", default=[])
    add_target_arguments(parser)
    parser.add_argument("--launches", type=int, default=100)
    parser.add_argument("--size", type=int, default=SIZE, help="of the convolution's picture")
    asked = parser.parse_args(argv)
    typed = {name: each for name, each in vars(asked).items() if each is not None}
    settings = value(TargetArguments, typed).options()
    (named,) = choose.named(asked.target or ["adb"], settings)
    found = ways(Plan())
    with tempfile.TemporaryDirectory(prefix="tflite-bench-") as folder:
        path = Path(folder) / "conv.tflite"
        path.write_bytes(tiny_models.conv(asked.size, CHANNELS))
        with plugins.load("targets", "adb").open(named[1], Plan(), settings) as target:
            measure(target, path, found, asked.launches)
            sys.stdout.write(
                f"**{target.environment().label}**, {asked.launches} launches each\n\n"
            )
    sys.stdout.write("\n".join(table(found)) + "\n")


if __name__ == "__main__":
    main()
