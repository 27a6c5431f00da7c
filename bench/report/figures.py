"""What charts show, as rows of plain values; nothing is rounded, and nothing is drawn.

What would be too many marks to draw or to tell apart is summed up here: launches in bins of time,
runs in bins of latency.

Charts are drawn in panels (``panels``), one for each target and setting. A row names its panel by
``target`` (its id) and ``setting`` (in words), and its variant by the file's name, so that a
variant has one colour in all of them.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from bench.cells import base_of, files_of, setting_of, settings_of, words
from bench.report import Report, Row, Table
from bench.values import Estimate, Launch, Variant

MOST_DOTS = 400
"""Launches of one variant on one target that are drawn one by one; more are summed up in bins."""

BINS = 60
"""Of latency in a distribution, and of time where launches are summed up."""

MOST_OPS = 12
"""Types of op in the chart of ops; what is left is ``other``."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Panel:
    """What one chart of several alike is about: a target, and a setting of the plan.

    Attributes:
        target: id.
        setting: in words; empty where the plan has but one.
        label: of the target.
    """

    target: str
    setting: str
    label: str

    def of(self, rows: Rows) -> Rows:
        """Those of the rows that are about it."""
        mine = (self.target, self.setting)
        return [row for row in rows if (row["target"], row["setting"]) == mine]


def panels(report: Report) -> list[Panel]:
    """One for each target and setting, in the order of the tables and of the plan."""
    settings = settings_of(report.session.plan)
    told = [words(each, settings) for each in settings] if len(settings) > 1 else [""]
    return [
        Panel(table.environment.target, each, table.environment.label)
        for table in report.tables
        for each in told
    ]


def names(report: Report) -> list[str]:
    """The variants, in the order in which they are shown; each once, whatever its settings."""
    return [variant.name for variant in files_of(report.session.variants)]


def _about(report: Report, table: Table, variant: Variant) -> dict[str, Any]:
    """The panel of a row, and its variant."""
    setting = ""
    if variant.setting is not None:
        plan = report.session.plan
        setting = words(setting_of(variant, plan), settings_of(plan))
    return {
        "target": table.environment.target,
        "setting": setting,
        "variant": base_of(variant),
    }


def pareto_rows(report: Report) -> Rows:
    """One row per variant and target that was measured: sizes, latency, accuracy, intervals.

    Without those that answer wrongly there, which nobody can choose.
    """
    rows = []
    for table in report.tables:
        measured = [
            row
            for row in table.rows
            if row.summary is not None and not (row.answers and row.answers.is_bad)
        ]
        for row in measured:
            rows.append(
                {
                    **_about(report, table, row.variant),
                    "recipe": _recipe(row.variant),
                    "size_bytes": row.variant.size_bytes,
                    "zipped_bytes": row.variant.zipped_bytes,
                    **_interval("median_us", row.summary.median_us if row.summary else None),
                    **score_of(row),
                }
            )
    return rows


def _recipe(variant: Variant) -> str:
    """Of a variant that is called otherwise; empty where its name tells."""
    return "" if variant.recipe == base_of(variant) else variant.recipe


def score_title(report: Report) -> tuple[str, bool]:
    """What the charts call the score, with its unit, and whether more of it is better.

    The first score that limits are held against; empty where none is known.
    """
    for table in report.tables:
        for row in table.rows:
            if row.deciding:
                score = row.deciding[0]
                unit = ", %" if score.is_fraction else ""
                return f"{score.label}{unit}", not score.lower_is_better
    return "", True


def score_of(row: Row) -> dict[str, float | None]:
    """The first score that limits are held against, in per cent where it is a fraction."""
    score = row.deciding[0] if row.deciding else None
    scale = 100.0 if score is not None and score.is_fraction else 1.0
    figures = (None,) * 3 if score is None else (score.value, score.low, score.high)
    value, low, high = (None if each is None else each * scale for each in figures)
    return {"score": value, "score_low": low, "score_high": high}


def _interval(name: str, estimate: Estimate | None) -> dict[str, float | None]:
    if estimate is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def launch_rows(report: Report) -> Rows:
    """One row per launch, or per bin of time where there are too many of them.

    ``after_s`` is counted from the first launch on that target. A launch's figure is its median, or
    its mean where the tool prints no median; ``of`` says which.
    """
    rows: Rows = []
    for table in report.tables:
        target = table.environment.target
        launches = [launch for launch in report.all_launches if launch.target == target]
        timed: defaultdict[str, list[tuple[Launch, float]]] = defaultdict(list)
        for launch, after_s in zip(launches, _after_s(launches), strict=True):
            timed[launch.variant].append((launch, after_s))
        for variant in report.session.variants:
            about = _about(report, table, variant)
            made = [{**about, **_launch_row(*each)} for each in timed[variant.name]]
            rows += made if len(made) <= MOST_DOTS else list(_binned(made))
    return rows


def _after_s(launches: Sequence[Launch]) -> list[float]:
    """Seconds from the first launch to each; those of one second stand evenly spread within it."""
    seconds = [_seconds(launch) for launch in launches]
    start = min(seconds, default=0.0)
    count, seen = Counter(seconds), Counter[float]()
    after = []
    for second in seconds:
        after.append(second - start + seen[second] / count[second])
        seen[second] += 1
    return after


def _launch_row(launch: Launch, after_s: float) -> dict[str, Any]:
    latency = launch.latency
    before = launch.state.get("before") or {}
    typical_us = latency.mean_us if latency.median_us is None else latency.median_us
    return {
        "block": launch.block,
        "after_s": after_s,
        "of": "mean" if latency.median_us is None else "median",
        "median_us": typical_us,
        "low_us": latency.min_us,
        "high_us": latency.max_us,
        "launches": 1,
        "celsius": before.get("celsius") if isinstance(before, Mapping) else None,
        "waited_s": launch.state.get("waited_s") or None,
    }


def _binned(rows: Rows) -> Iterator[dict[str, Any]]:
    """Rows of one variant on one target by bins of equal time: medians, and the whole range."""
    ends = np.linspace(rows[0]["after_s"], max(row["after_s"] for row in rows), BINS * 2 + 1)[1:]
    bins: defaultdict[int, Rows] = defaultdict(list)
    for row in rows:
        bins[int(np.searchsorted(ends, row["after_s"]))].append(row)
    for _, mine in sorted(bins.items()):
        heat = [row["celsius"] for row in mine if row["celsius"] is not None]
        medians = [row["median_us"] for row in mine]
        yield {
            **mine[0],
            "after_s": float(np.mean([row["after_s"] for row in mine])),
            "median_us": float(np.median(medians)),
            "low_us": min(medians),
            "high_us": max(medians),
            "launches": len(mine),
            "celsius": float(np.mean(heat)) if heat else None,
            "waited_s": sum(row["waited_s"] or 0.0 for row in mine) or None,
        }


def distribution_rows(report: Report) -> tuple[Rows, Rows]:
    """Bins of latency with the fraction of runs in each, and the figures to be marked.

    Where no samples exist the bins hold launch maxima, which the P99 is made of; ``of`` says which.
    """
    bins: Rows = []
    marks: Rows = []
    for table in report.tables:
        for row in table.rows:
            launches = report.launches_of(table.environment.target, row.variant.name)
            values, kind = _values(launches)
            if row.summary is None or len(values) < 2:
                continue
            about = {**_about(report, table, row.variant), "of": kind}
            bins += [{**about, **each} for each in _histogram(values)]
            for name, figure in (("median", row.summary.median_us), ("p99", row.summary.p99_us)):
                if isinstance(figure, Estimate):
                    marks.append({**about, "mark": name, "us": figure.value})
    return bins, marks


def _values(launches: Sequence[Launch]) -> tuple[np.ndarray[Any, np.dtype[np.float64]], str]:
    samples = [np.asarray(each.latency.samples_ns) for each in launches if each.latency.samples_ns]
    if samples:
        return np.concatenate(samples) / 1e3, "runs"
    maxima = [each.latency.max_us for each in launches if each.latency.max_us is not None]
    return np.asarray(maxima, float), "launch maxima"


def _histogram(values: np.ndarray[Any, np.dtype[np.float64]]) -> Rows:
    """Bins of equal width on a logarithmic scale: latencies are skewed."""
    low, high = float(values.min()), float(values.max())
    if low <= 0 or low == high:
        return [{"from_us": low, "to_us": high, "fraction": 1.0}]
    edges = np.geomspace(low, high, min(BINS, max(8, math.isqrt(values.size))) + 1)
    counts, _ = np.histogram(values, edges)
    return [
        {"from_us": float(left), "to_us": float(right), "fraction": float(count / values.size)}
        for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True)
        if count
    ]


def op_rows(report: Report) -> Rows:
    """Microseconds per inference by type of op, for each variant and target that was profiled."""
    rows: Rows = []
    for table in report.tables:
        total: defaultdict[str, float] = defaultdict(float)
        for times in table.profile.values():
            for op, time_us in times.items():
                total[op] += time_us
        shown = sorted(total, key=lambda op: -total[op])[:MOST_OPS]
        variants = {variant.name: variant for variant in report.session.variants}
        for name, times in table.profile.items():
            about = _about(report, table, variants[name])
            sums: defaultdict[str, float] = defaultdict(float)
            for op, time_us in times.items():
                sums[op if op in shown else "other"] += time_us
            rows += [{**about, "op": op, "us": time_us} for op, time_us in sums.items()]
    return rows


def part_rows(report: Report) -> Rows:
    """What each file's bytes are: kernels, scales and zero points, names, and the rest.

    Reports that were saved before these were counted have no rows.
    """
    rows: Rows = []
    for variant in files_of(report.session.variants):
        facts = variant.facts
        if facts is None or facts.quantization_bytes is None or facts.name_bytes is None:
            continue
        parts = {
            "weights": sum(weight.stored_bytes for weight in facts.weights),
            "scales and zero points": facts.quantization_bytes,
            "names": facts.name_bytes,
        }
        parts["rest"] = max(variant.size_bytes - sum(parts.values()), 0)
        rows += [
            {"variant": variant.name, "part": part, "kb": size_bytes / 1e3}
            for part, size_bytes in parts.items()
        ]
    return rows


def _seconds(launch: Launch) -> float:
    """When it was started, in seconds since 1970; 0 where that is not recorded."""
    try:
        return datetime.fromisoformat(launch.started_at).timestamp()
    except ValueError:
        return 0.0
