"""What a benchmark_model log says: one measured run, or the fault that prevented it.

Pure text in, frozen values out; no device, no process. The rules, each with a test:

* Only the second ``count=`` line of a run was measured; the first is the warm-up. Where the warm-up
  cannot be told from the measurement, there is no figure.
* The exit code comes first, the text second. ``ERROR:`` alone is no failure (delegates print it
  when their cache is empty), and a figure alone is no success: flags that the tool ignored, or a
  delegate that did not run the model, leave the figure of something else behind.
* Figures that a tool prints twice must agree; where they do not, two runs wrote into one log.
* What the tool does not print is None. Nothing is estimated.

The work is shared out: ``_benchmark_lines`` recognises lines, ``_benchmark_segments`` cuts runs,
``_benchmark_figures`` reads figures, ``_benchmark_faults`` and ``_benchmark_delegates`` hold the
tables of the tool's words; here they are evaluated. Arguments are made in ``_benchmark_argv``.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from bench.benchmark_model import faults
from bench.benchmark_model.delegates import Delegate, canonical, deprecated_on
from bench.benchmark_model.faults import ToolFault, to_error
from bench.benchmark_model.profile import OpTime
from bench.benchmark_model.results import ToolRun, read_run
from bench.benchmark_model.runs import Segment, segments
from bench.values import Latency

__all__ = [
    "Asked",
    "Delegate",
    "OpTime",
    "ToolFault",
    "ToolRun",
    "deprecated_on",
    "latency",
    "parse",
    "to_error",
    "to_json",
]


@dataclass(frozen=True)
class Asked:
    """What the tool was asked for, as far as its answer is evaluated by it.

    Attributes:
        delegate: ``xnnpack``, ``gpu``, ``nnapi``, ``hexagon``, ``npu``, ``none``; None is the
            tool's default, which anything satisfies.
        input_shapes: whether it was told the shape of an input.
        open_inputs: names of inputs of which a dimension is open, and was not told.
    """

    delegate: str | None = None
    input_shapes: bool = False
    open_inputs: tuple[str, ...] = ()


def parse(
    text: str, *, exit_code: int | None = None, stderr: str = "", asked: Asked | None = None
) -> list[ToolRun | ToolFault]:
    """One item per run found in a log, in order; never an empty list.

    Args:
        text: stdout, or both streams together, decoded with replacement if need be.
        exit_code: of the process, as a shell gives it (128 + signal) or minus the signal; it
            belongs to the text's last run. None where it is not known: then the text alone decides,
            and a last line without a line end is taken as possibly torn.
        stderr: where it was kept apart.
        asked: what was asked for, where a launch is evaluated; None to describe a log as it stands.
    """
    found = segments(text, stderr, complete=exit_code is not None)
    last = len(found) - 1
    return [
        _read_segment(segment, exit_code if index == last else None, asked)
        for index, segment in enumerate(found)
    ]


def latency(run: ToolRun) -> Latency:
    """The run's figures as a ``Latency``.

    Raises:
        LaunchError: (no_result) the number of runs is not known, so the launch cannot be weighed.
    """
    if run.count is None:
        raise to_error(
            ToolFault(
                "no_result",
                "the output has an average, but not the number of runs",
                "run it again: a part of the output was lost",
            )
        )
    return Latency(
        runs=run.count,
        mean_us=run.avg_us,
        median_us=run.median_us,
        min_us=run.min_us,
        max_us=run.max_us,
        std_us=run.std_us,
        p95_us=run.p95_us,
    )


def to_json(item: ToolRun | ToolFault) -> dict[str, Any]:
    """The item as ``bench parse`` prints it: figures, or ``error`` with the line that names it."""
    if isinstance(item, ToolFault):
        return {
            "error": item.error_class,
            "line": item.line,
            "message": item.message,
            "hint": item.hint,
        }
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(item).items()
    }


def _read_segment(
    segment: Segment, exit_code: int | None, asked: Asked | None
) -> ToolRun | ToolFault:
    named = _named(segment, asked)
    fault = _of_process(segment, named, exit_code)
    if fault is not None:
        return fault
    run = read_run(segment)
    if isinstance(run, ToolFault):
        return named or run
    return _of_delegate(segment, run, asked) or run


def _named(segment: Segment, asked: Asked | None) -> ToolFault | None:
    """What the output itself names as the cause, if it is one."""
    shapes = segment.first("shapes") is not None if asked is None else asked.input_shapes
    open_inputs = () if asked is None else asked.open_inputs
    return _of_flags(
        segment, faults.worst(segment.symptoms, shapes_asked=shapes, open_inputs=open_inputs)
    )


def _of_flags(segment: Segment, fault: ToolFault | None) -> ToolFault | None:
    """What the tool echoes, or was called with twice, it knows."""
    if fault is None or fault.error_class != "unknown_flag":
        return fault
    command = segment.first("command")
    flags = [] if command is None else re.findall(r"--(\w+)", command.line.text)
    twice = {flag for flag, count in Counter(flags).items() if count > 1}
    return faults.given_twice(fault, segment.echoed | twice)


def _of_process(
    segment: Segment, named: ToolFault | None, exit_code: int | None
) -> ToolFault | None:
    """A fault that holds even where a figure was printed."""
    if exit_code:
        words = segment.marks[-1].line.text if segment.marks else ""
        by_code = faults.of_exit(exit_code, words)
        # A shell that says "Killed" knows less than the code; any other line knows more.
        return by_code if named is None or named.error_class == "crash" else named
    if exit_code is None and segment.first("failed") is not None:
        return named or faults.of_exit(1, "Benchmarking failed.")
    # Without an exit code, the shell's words stand for it.
    fatal = {"unknown_flag"} if exit_code == 0 else {"unknown_flag", "crash", "wrong_binary"}
    worst = _of_flags(
        segment, faults.worst(one for one in segment.symptoms if one.fault.error_class in fatal)
    )
    return worst if segment.measured else worst and named


def _of_delegate(segment: Segment, run: ToolRun, asked: Asked | None) -> ToolFault | None:
    """A finished run is the one that was asked for only if the tool says so."""
    if asked is None:
        return _of_echo(segment, run)
    if asked.delegate is None:
        return None
    if asked.delegate == "none":
        seen = [one for one in run.delegates if one.coverage != "none" and one.name != "flex"]
        return _not_applied("none", seen[0].words) if seen else None
    found = next((one for one in run.delegates if one.name == asked.delegate), None)
    if found is not None and found.ran:
        return None
    return _not_applied(asked.delegate, "" if found is None else found.words)


def _of_echo(segment: Segment, run: ToolRun) -> ToolFault | None:
    """A log alone: what it says was asked for *and* refused failed; silence proves nothing."""
    echoed = {
        canonical(mark.groups["delegate"] or "") for mark in segment.marks if mark.kind == "asked"
    }
    for one in run.delegates:
        explicit = one.name in echoed or one.words.startswith("Though")
        if one.coverage == "none" and explicit:
            return _not_applied(one.name, one.words)
    return None


def _not_applied(name: str, words: str) -> ToolFault:
    said = f"the tool says: {words}" if words else "the tool does not say that it was applied"
    message = (
        f"no delegate was wanted, but one ran; {said}"
        if name == "none"
        else f"the delegate {name} was asked for and did not run the model; {said}"
    )
    hint = "choose another --delegate or leave it away: not every tool, device and model has each"
    return ToolFault("delegate_not_applied", message, hint, words)
