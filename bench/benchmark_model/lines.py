"""benchmark_model's lines, one by one: cleaned of what others put before them, and recognised.

Tool output reaches us through shells, logcat, issue trackers and build logs, so every line may bear
a prefix. What is left after the known prefixes must *begin* with the tool's words: a foreign line
that happens to hold ``count=3`` is never taken for a figure.

The wording was read from the sources of TensorFlow 1.12 to 2.20 and LiteRT 2.x
(``benchmark_model.cc``, ``benchmark_tflite_model.cc``, ``stats_calculator.h``,
``benchmark_litert_model.h``) and compared with a real 2.14.1.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

NUMBER = r"-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|nan|inf)"

LONGEST_LINE = 4096
"""No tool writes a longer line; whatever does is noise and is not looked at (keeps time linear)."""

_TAG = r"(?P<tag{n}>[^:(\s][^:(]{{0,62}}?)"
_LEVEL = r"[VDIWEF]"
_DATE = (
    r"(?:\d{4}-\d\d-\d\d[T\s]|[A-Z][a-z]{2}\s+\d{1,2}\s(?:\d{4}\s)?)\d\d:\d\d:\d\d(?:[.,]\d+)?"
    r"(?:Z|\s?[+-]\d\d:?\d\d)?"
)
_PREFIXES = re.compile(
    r"""
      [\s>|\ufeff]+                                                      # indent, quotation marks
    | (?:\d{4}-)?\d\d-\d\d\s+\d\d:\d\d:\d\d\.\d{3,6}\s+(?:\d+\s+){2,3}LEVEL\s+TAG1\s*:(?:\s|$)
                                                                         # logcat -v threadtime
    | (?:(?:\d{4}-)?\d\d-\d\d\s+\d\d:\d\d:\d\d\.\d{3,6}\s+)?LEVEL/TAG2\s*\(\s*\d+\):(?:\s|$)
                                                                         # logcat -v brief, time
    | \d{4}-\d\d-\d\d\s\d\d:\d\d:\d\d\.\d{3}\s+\d+-\d+(?:/\S+)?\s+LEVEL/TAG3:(?:\s|$)
                                                                         # Android Studio, older
    | \d{4}-\d\d-\d\d\s\d\d:\d\d:\d\d\.\d{3}\s+\d+-\d+\s+TAG4\s+(?:\S+\s+)?LEVEL(?:\s+|$)
                                                                         # Android Studio, newer
    | DATE\s+0x[0-9a-f]+\s+\w+\s+0x[0-9a-f]+\s+\d+\s+\d+\s+NAME:\s(?:\(\S+\)\s)?(?:\[\S+\]\s)?
                                                                         # Apple's log stream
    | (?:<\d{1,3}>(?:1\s)?)?DATE\s+(?:[\w.-]{1,64}\s+)?
      NAME(?:\(\S+?\))?\[\d+(?::\w+)?\](?:\s<\w+>)?(?::|\s)\s*
                                                                         # syslog, journalctl, iOS
    | (?:<\d{1,3}>)?\[\s*\d+\.\d{3,9}\]\s+                               # kernel's clock
    | \[?DATE\]?:?\s+                                                    # build logs
    | \[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?:?\s+
    | (?P<level>INFO|WARN|WARNING|ERROR|FATAL|VERBOSE|DEBUG):(?:\s+|$)   # the tool's own
    | \[[\w./-]+\.(?:h|cc|cpp):\d+\](?:\s+|$)                            # LiteRT's file and line
    """.replace("DATE", _DATE)
    .replace("NAME", r"[\w.+/-][\w.+/ -]{0,62}?")
    .replace("LEVEL", _LEVEL)
    .replace("TAG1", _TAG.format(n=1))
    .replace("TAG2", _TAG.format(n=2))
    .replace("TAG3", _TAG.format(n=3))
    .replace("TAG4", r"(?P<tag4>\S{1,63})"),
    re.VERBOSE,
)
_OUR_TAGS = re.compile(
    r"tflite|litert|tensorflow|benchmark|native|^(?:libc|DEBUG|linker|lmkd|lowmemorykiller)$",
    re.IGNORECASE,
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True)
class Line:
    """One line without prefixes and colours.

    Attributes:
        text: what the tool wrote.
        level: ``INFO``, ``WARN``, ``ERROR``, … where the tool wrote one, else None.
        cut: the text ended within this line, so its last word may be torn.
    """

    text: str
    level: str | None = None
    cut: bool = False

    @property
    def whole(self) -> str:
        """The text as far as figures may be read from it: a torn last word is left out."""
        if not self.cut:
            return self.text
        return self.text.rpartition(" ")[0].rstrip(" ,")


def lines(text: str, *, complete: bool) -> Iterator[Line]:
    """The lines of a tool's output, without blank and absurdly long ones and other logcat tags.

    Args:
        text: with any line ends.
        complete: whether the text is known to be whole. If not, a last line without a line end may
            be torn at any byte.
    """
    pieces = text.replace("\r", "\n").split("\n")
    for index, piece in enumerate(pieces):
        if not piece or len(piece) > LONGEST_LINE:
            continue
        line = _clean(piece, cut=not complete and index == len(pieces) - 1)
        if line is not None and line.text:
            yield line


def _clean(piece: str, *, cut: bool) -> Line | None:
    if "\x1b" in piece:
        piece = _COLOURS.sub("", piece)
    start, level = 0, None
    while match := _PREFIXES.match(piece, start):
        tag = match["tag1"] or match["tag2"] or match["tag3"] or match["tag4"]
        if tag is not None and not _OUR_TAGS.search(tag):
            return None
        level = match["level"] or level
        start = match.end()
    return Line(piece[start:].rstrip(), level, cut)


@dataclass(frozen=True)
class Stat:
    """A ``count=`` line: the statistics of one phase (warm-up or measured), in microseconds."""

    count: int
    avg_us: float | None = None
    median_us: float | None = None
    p95_us: float | None = None
    min_us: float | None = None
    max_us: float | None = None
    std_us: float | None = None
    first_us: float | None = None


_FIELD = re.compile(rf"(?P<key>[a-z]\w*)=(?P<value>{NUMBER})(?P<same>\(all same\))?(?:\s+|$)")


def read_stat(text: str) -> Stat | None:
    """The statistics of a ``count=`` line, or None where it is not one.

    Fields may come in any order. ``count=1 curr=X`` and ``count=N curr=X(all same)`` mean that
    every run took X, so that all figures but the spread are X.
    """
    fields: dict[str, float] = {}
    same, position = False, 0
    while match := _FIELD.match(text, position):
        value = number(match["value"])
        if value is None or match["key"] in fields:
            return None
        fields[match["key"]] = value
        same = same or match["same"] is not None
        position = match.end()
    count = fields.get("count", -1.0)
    if position != len(text) or count < 0 or count != int(count):
        return None
    return _stat(int(count), fields, same=same)


def _stat(count: int, fields: Mapping[str, float], *, same: bool) -> Stat | None:
    if count == 0:
        return Stat(0) if len(fields) == 1 else None
    if "avg" not in fields:
        if "curr" not in fields or not (same or count == 1):
            return None
        every = fields["curr"]
        return Stat(count, every, every, every, every, every, 0.0, every)
    low, high = fields.get("min"), fields.get("max")
    # An average is printed with six digits: it may lie a rounding outside of integers that it
    # should lie between.
    slack = 1e-5 * abs(fields["avg"])
    if low is not None and low > fields["avg"] + slack:
        return None
    if high is not None and high < fields["avg"] - slack:
        return None
    return Stat(
        count,
        fields["avg"],
        fields.get("median"),
        fields.get("p95"),
        low,
        high,
        fields.get("std"),
        fields.get("first"),
    )


_PAIR = re.compile(rf"(?P<key>[A-Za-z][A-Za-z ()]*?): (?P<value>{NUMBER})(?:,\s*|$)")
_TIMING_KEYS = {
    "Init": "init_us",
    "First inference": "first_us",
    "Warmup": "warmup_us",  # up to 2.0
    "Warmup (avg)": "warmup_us",
    "no stats": "avg_us",  # up to 1.14
    "Inference": "avg_us",  # 1.15, 2.0
    "Inference (avg)": "avg_us",
}


def read_timings(pairs: str) -> dict[str, float]:
    """The figures of an ``Inference timings in us:`` line, in microseconds."""
    figures: dict[str, float] = {}
    for match in _PAIR.finditer(pairs):
        key, value = _TIMING_KEYS.get(match["key"].strip()), number(match["value"])
        if key is not None and value is not None:
            figures[key] = value
    return figures


_BLOCK = re.compile(
    r"(?P<what>Model initialization|Warmup|Inference)(?: \((?P<stat>\w+)\))?:\s+"
    rf"(?P<ms>{NUMBER})(?: ms)?(?: \((?P<runs>\d+) runs\))?$"
)
_BLOCK_KEYS = {
    ("Model initialization", None): "init_us",
    ("Warmup", "first"): "first_us",
    ("Warmup", "avg"): "warmup_us",
    ("Inference", "avg"): "avg_us",
    ("Inference", "min"): "min_us",
    ("Inference", "max"): "max_us",
    ("Inference", "median"): "median_us",
    ("Inference", "std"): "std_us",
    ("Inference", "p95"): "p95_us",
}


def read_block(text: str) -> dict[str, float]:
    """The figure of one line of LiteRT's ``BENCHMARK RESULTS``, in microseconds; ``{}`` if none.

    The block prints milliseconds with two digits behind the point, so 10 us is its grain.
    """
    match = _BLOCK.match(text)
    if match is None:
        return {}
    key, value = _BLOCK_KEYS.get((match["what"], match["stat"])), number(match["ms"])
    if key is None or value is None:
        return {}
    figures = {key: round(value * 1000, 3)}
    if match["runs"] is not None:
        figures["warmup_count" if match["what"] == "Warmup" else "count"] = int(match["runs"])
    return figures


def number(text: str) -> float | None:
    """The number, or None for ``nan`` and ``inf``, which stand for "nothing was measured"."""
    value = float(text)
    return value if math.isfinite(value) else None


_ECHO = re.compile(r"^(?P<label>[A-Z#][^\[\]]{2,60}?)\s?: \[")
_FLAG_OF_LABEL: Mapping[str, str] = {
    "Min num runs": "num_runs",
    "Num runs": "num_runs",
    "Min runs duration (seconds)": "min_secs",
    "Max runs duration (seconds)": "max_secs",
    "Inter-run delay (seconds)": "run_delay",
    "Run frequency (Hz)": "run_frequency",
    "Num threads": "num_threads",
    "Min warmup runs": "warmup_runs",
    "Min warmup runs duration (seconds)": "warmup_min_secs",
    "Benchmark name": "benchmark_name",
    "Output prefix": "output_prefix",
    "Graph": "graph",
    "Signature to run": "signature_to_run_for",
    "Input layers": "input_layer",
    "Input shapes": "input_layer_shape",
    "Input value ranges": "input_layer_value_range",
    "Input value files": "input_layer_value_files",
    "Enable op profiling": "enable_op_profiling",
    "Report the peak memory footprint": "report_peak_memory_footprint",
    "Use gpu": "use_gpu",
    "Use nnapi": "use_nnapi",
    "Use NNAPI": "use_nnapi",
    "Use xnnpack": "use_xnnpack",
    "Use Hexagon": "use_hexagon",
    "Use caching": "use_caching",
    "Use legacy nnapi": "use_legacy_nnapi",
    "Allow fp16": "allow_fp16",
    "Require full delegation": "require_full_delegation",
    "Use dimensions": "use_dimensions",
}


def echoed_flag(line: Line) -> str | None:
    """The flag whose value the tool tells in this line, None where it is no such line."""
    match = _ECHO.match(line.text)
    return None if match is None else _FLAG_OF_LABEL.get(match["label"])


@dataclass(frozen=True)
class Mark:
    """A line that says how far the tool has come, with the words or figures in it.

    Attributes:
        kind: one of :data:`MARKS`.
        stage: rises within one run, so that a fall or a repetition begins another run; None for a
            line that may come anywhere.
        groups: what the pattern's named groups hold.
        line: where it was found.
    """

    kind: str
    stage: int | None
    groups: Mapping[str, str | None]
    line: Line


WARMUP_HEADER, MEASURED_HEADER = 7, 8
"""The stages of the two ``Running benchmark`` lines of a run; which is which, their order tells."""

_MARKS: tuple[tuple[str, int | None, str, str], ...] = (
    # kind, stage, a word every such line holds, pattern
    ("command", 0, "--graph", r"benchmark(?:\S*model\S*| with args:) .*--graph[= ]"),
    ("start", 1, "STARTING!", r"STARTING!$"),
    ("parameters", 2, "Log parameter values", r"^Log parameter values verbosely: \["),
    ("runs", 3, "Min num runs", r"^(?:Min num|Num) runs: \[(?P<runs>\d+)\]"),
    ("graph", 4, "Graph: [", r"^Graph: \[(?P<graph>.*)\]$"),
    ("loaded", 5, "Load", r"^(?:Loaded model|Loading model from:) (?P<model>.*)$"),
    ("session", 6, "Initialized session", rf"^Initialized session in (?P<ms>{NUMBER})\s?ms"),
    (
        "header",
        WARMUP_HEADER,
        "Running benchmark for",
        r"^Running benchmark for (?P<least>at least )?(?P<runs>\d+) iterations"
        r"(?P<bound>.*terminate if exceeding)?(?!.*detailed stat)",
    ),
    ("count", None, "count=", r"^(?P<stat>(?:[a-z]\w*=\S+\s+)*count=.*)$"),
    (
        "timings",
        9,
        "timings in us:",
        r"^(?P<average>Average )?[Ii]nference timings in us: (?P<pairs>.*)$",
    ),
    ("results", 10, "BENCHMARK RESULTS", r"^=*\s*BENCHMARK RESULTS"),
    ("block", None, ": ", r"^(?:Model initialization|Warmup \(\w+\)|Inference \(\w+\)):\s"),
    (
        "memory",
        None,
        "(MB)",
        r"^(?:Peak m|M)emory footprint [^(]*\(MB\): "
        rf"init=(?P<init>{NUMBER}) overall=(?P<overall>{NUMBER})",
    ),
    ("memory", None, "Init footprint", rf"^Init footprint:\s+(?P<init>{NUMBER}) MB"),
    ("memory", None, "Overall footprint", rf"^Overall footprint:\s+(?P<overall>{NUMBER}) MB"),
    ("memory", None, "Peak memory", rf"^Peak memory:\s+(?P<peak>{NUMBER}) MB"),
    (
        "memory",
        None,
        "Overall peak memory",
        rf"^Overall peak memory footprint \(MB\).*: (?P<peak>{NUMBER})$",
    ),
    ("echo", None, "Use gpu :", r"^Use gpu : \["),  # 2.3 and older, every parameter
    ("asked", None, "Use ", r"^Use (?P<delegate>gpu|nnapi|NNAPI|xnnpack|Hexagon)\s?: \[1\]$"),
    ("failed", None, "Benchmarking failed", r"^Benchmarking failed"),
    ("shapes", None, "Input shapes", r"^Input shapes: \[[^\]]"),
)
_COMPILED = tuple((kind, stage, key, re.compile(text)) for kind, stage, key, text in _MARKS)
MARKS = frozenset(kind for kind, *_ in _MARKS)
"""Every kind of mark."""

_FIGURES = frozenset({"count", "timings", "memory", "block", "session"})


def marks(line: Line) -> Iterator[Mark]:
    """What a line says of a run's progress; figures are read only as far as they cannot be torn."""
    for kind, stage, key, pattern in _COMPILED:
        if key not in line.text:
            continue
        match = pattern.search(line.whole if kind in _FIGURES else line.text)
        if match is not None:
            yield Mark(kind, stage, match.groupdict(), line)
            return
