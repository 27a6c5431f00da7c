"""Cut a benchmark_model log into runs, and collect what each run's lines say.

Within one run the tool's lines come in a fixed order of stages, so a line of an earlier or the same
stage begins the next run. That needs no ``STARTING!``, which a log may lack (the Android app prints
none, and a log may be cut in front).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.benchmark_model import delegates, faults
from bench.benchmark_model.lines import (
    MEASURED_HEADER,
    WARMUP_HEADER,
    Line,
    Mark,
    Stat,
    echoed_flag,
    lines,
    marks,
    read_block,
    read_stat,
    read_timings,
)
from bench.benchmark_model.profile import ProfileReader

# A tool that has measured cannot fail to start any more: such a line belongs to the next run.
_AT_START = frozenset({"wrong_binary", "model_unreadable", "missing_op", "op_too_new", "bad_input"})


@dataclass
class Segment:
    """What the lines of one run have said.

    Attributes:
        stage: how far the run has come (see ``_benchmark_lines.Mark``).
        marks: the recognised lines, in order.
        phases: one entry per ``Running benchmark`` line, None where its count line is missing; and
            one per count line whose own such line was filtered away.
        headers: how many such lines there were.
        crossed: whether there were more count lines than a run has: two processes wrote this log.
        echoed: flags whose value the tool told, so that it knows them.
        timings: of the ``Inference timings`` line, in microseconds.
        block: of LiteRT's block of results, in microseconds.
        symptoms: lines that name a fault.
        delegates: lines that are evidence of a delegate.
        warnings: the tool's own.
        profile: the rows of ops.
    """

    stage: int = -1
    marks: list[Mark] = field(default_factory=list)
    phases: list[Stat | None] = field(default_factory=list)
    headers: int = 0
    crossed: bool = False
    echoed: set[str] = field(default_factory=set)
    timings: dict[str, float] = field(default_factory=dict)
    block: dict[str, float] = field(default_factory=dict)
    symptoms: list[faults.Symptom] = field(default_factory=list)
    delegates: list[delegates.Delegate] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    profile: ProfileReader = field(default_factory=ProfileReader)

    def first(self, kind: str) -> Mark | None:
        """The first line of that kind."""
        return next((mark for mark in self.marks if mark.kind == kind), None)

    @property
    def measured(self) -> bool:
        """Whether the measured runs' own line has come."""
        return len(self.phases) > 1 and self.phases[1] is not None

    @property
    def refused(self) -> bool:
        """Whether the shell could not even start the tool."""
        return any(one.fault.error_class == "wrong_binary" for one in self.symptoms)

    @property
    def empty(self) -> bool:
        """Whether nothing was recognised but, perhaps, a stray count line."""
        return not self.symptoms and all(mark.kind == "count" for mark in self.marks)


def segments(text: str, stderr: str = "", *, complete: bool) -> list[Segment]:
    """One segment per run, at least one; stderr belongs to the last.

    Args:
        text: stdout, or both streams.
        stderr: where it was kept apart.
        complete: whether both are known to be whole, so that no last line can be torn.
    """
    found = [Segment()]
    for line in lines(text, complete=complete):
        mark, symptom = _look(line)
        if _begins_anew(found[-1], mark, symptom):
            found.append(Segment())
        _take(found[-1], line, mark, symptom)
    for line in lines(stderr, complete=complete):
        _take(found[-1], line, *_look(line))
    return [one for one in found if not one.empty] or found[-1:]


def _look(line: Line) -> tuple[Mark | None, faults.Symptom | None]:
    """What a line is: it may name a fault (bash repeats the command then) or say how far we are."""
    symptom = faults.symptom(line)
    return (next(marks(line), None) if symptom is None else None), symptom


def _begins_anew(segment: Segment, mark: Mark | None, symptom: faults.Symptom | None) -> bool:
    if symptom is not None and symptom.fault.error_class in _AT_START:
        return segment.measured
    if mark is None or mark.stage is None:
        return False
    if mark.kind == "header":
        return segment.stage >= MEASURED_HEADER
    return mark.stage <= segment.stage or (mark.kind in ("command", "start") and segment.refused)


def _take(segment: Segment, line: Line, mark: Mark | None, symptom: faults.Symptom | None) -> None:
    segment.profile.take(line)
    if (flag := echoed_flag(line)) is not None:
        segment.echoed.add(flag)
    if symptom is not None:
        segment.symptoms.append(symptom)
    delegate = delegates.evidence(line)
    if delegate is not None:
        segment.delegates.append(delegate)
    if line.level == "WARN" and not line.text.startswith("Duplicate flags"):
        segment.warnings.append(line.text)
    if mark is None:
        return
    segment.marks.append(mark)
    _take_figures(segment, mark)
    if mark.kind == "header":
        segment.stage = WARMUP_HEADER if segment.stage < WARMUP_HEADER else MEASURED_HEADER
        segment.headers += 1
        segment.phases.append(None)
    elif mark.stage is not None:
        segment.stage = mark.stage


def _take_figures(segment: Segment, mark: Mark) -> None:
    if mark.kind == "count":
        _take_stat(segment, read_stat(mark.groups["stat"] or ""))
    elif mark.kind == "timings":
        segment.timings.update(read_timings(mark.groups["pairs"] or ""))
    elif mark.kind == "block":
        segment.block.update(read_block(mark.line.whole))


def _take_stat(segment: Segment, stat: Stat | None) -> None:
    if stat is None:
        return
    if not segment.phases:
        # Its header was cut off; whichever it was, the next header is not the first.
        segment.stage = max(segment.stage, WARMUP_HEADER)
        segment.phases.append(stat)
    elif segment.phases[-1] is None:
        segment.phases[-1] = stat
    elif len(segment.phases) == 1:
        # The header between was cut out, as a filter of logcat does; or two processes wrote this.
        # Which, the averages tell, see results.
        segment.stage = MEASURED_HEADER
        segment.phases.append(stat)
    else:
        segment.crossed = True
