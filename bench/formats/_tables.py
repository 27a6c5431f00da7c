"""What the tables for people share: columns, and figures as short as they can be and still true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.cells import base_of, files_of, settings_of
from bench.formats._answers import (
    answer_cells,
    answer_headers,
    answer_notes,
    verdict_cells,
    verdict_headers,
)
from bench.formats._grid import Grid
from bench.formats._metrics import metric_columns, metric_notes
from bench.formats._profile import profile_grid
from bench.formats._ratios import ratio_notes
from bench.report import Report, Row, Table
from bench.report.best_settings import best_settings, best_text
from bench.report.file_warnings import partly_int8
from bench.schedule import Spent
from bench.stats.intervals import MIN_ORDER_LAUNCHES
from bench.stats.stopping import launches_to_know
from bench.text import change_text, count, interval, labels, p99, size, time_unit
from bench.values import Estimate, Plan, Variant


def grids(report: Report) -> list[Grid]:
    """One grid per target, each with its profile below where there is one."""
    found = []
    for table in report.tables:
        found.append(_grid(report, table))
        if (profile := profile_grid(report, table)) is not None:
            found.append(profile)
    return found


def _grid(report: Report, table: Table) -> Grid:
    plan = report.session.plan
    unit, scale = _time_unit(table)
    baseline = report.session.variants[0].name if report.session.variants else ""
    metrics = metric_columns(table)
    headers = ["variant", *verdict_headers(table), "size", "", "zipped", ""]
    in_int8 = any(partly_int8(row.variant) is not None for row in table.rows)
    headers += ["in int8"] if in_int8 else []
    in_4_bits = any(row.variant.int4_share for row in table.rows)
    headers += ["4-bit weights"] if in_4_bits else []
    headers += [header for column in metrics for header in column.headers]
    headers += answer_headers(table)
    counted = _launches_differ(table)
    headers += ["launches"] if counted else []
    headers += [f"median {unit}", f"p99 {unit}", f"vs {baseline}"]
    files = files_of(row.variant for row in table.rows)
    names = labels([variant.name for variant in files])
    short = {row.variant.name: _label(row.variant, names) for row in table.rows}
    rows = []
    for row in table.rows:
        cells = [
            short[row.variant.name],
            *verdict_cells(row, table),
            size(row.variant.size_bytes),
            _ratio(row, row.size_ratio),
            size(row.variant.zipped_bytes),
            _ratio(row, row.zipped_ratio),
        ]
        cells += [_percent(row.variant.int8_share)] if in_int8 else []
        cells += [_percent(row.variant.int4_share)] if in_4_bits else []
        cells += [cell for column in metrics for cell in column.cells(row)]
        cells += answer_cells(row, table)
        cells += [str(row.summary.launches) if row.summary else "-"] if counted else []
        rows.append((*cells, *_latency(row, scale)))
    title = (
        f"{report.session.model.name} on {table.environment.label} · "
        f"{_settings(plan)} · "
        f"{_launches(plan)} × {count(plan.runs, 'run')}"
    )
    spelt_out = [f"{label}: {name}" for name, label in names.items() if label != name]
    named = [variant for variant in files if variant.recipe not in ("", variant.name)]
    spelt_out += [f"{variant.name}: {variant.recipe}" for variant in named]
    return Grid(
        title,
        tuple(headers),
        tuple(rows),
        (*_notes(table), *_best_settings(report, table), *_fed(table, short), *spelt_out),
        figures=4 + len(verdict_headers(table)),
        groups=tuple(names[base_of(row.variant)] for row in table.rows) if plan.settings else (),
    )


def _label(variant: Variant, names: Mapping[str, str]) -> str:
    """A variant's short name, and its setting where it is a cell of several."""
    base = base_of(variant)
    return names[base] + variant.name.removeprefix(base)


def _best_settings(report: Report, table: Table) -> tuple[str, ...]:
    """The best setting of each variant, where it is certain."""
    found = best_settings(report, table)
    if not found:
        return ()
    return (f"best setting: {'; '.join(best_text(each, table) for each in found)}",)


def _settings(plan: Plan) -> str:
    """``1 thread``, or how many settings stand in the names of the cells."""
    settings = settings_of(plan)
    return count(plan.threads, "thread") if len(settings) == 1 else count(len(settings), "setting")


def _launches(plan: Plan) -> str:
    if plan.until is None:
        return count(plan.launches, "launch", "launches")
    return f"launches until ±{plan.until * 100:g} %"


def _launches_differ(table: Table) -> bool:
    """By plan (``--until``), or because a variant failed in the middle."""
    return len({row.summary.launches for row in table.rows if row.summary is not None}) > 1


def _time_unit(table: Table) -> tuple[str, float]:
    return time_unit(row.summary.median_us.value for row in table.rows if row.summary is not None)


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else f"{fraction * 100:.0f} %"


def _ratio(row: Row, ratio: float) -> str:
    return "" if row.is_baseline_file else f"{ratio:.2f}x"


def _latency(row: Row, scale: float) -> tuple[str, str, str]:
    if row.summary is None:
        return (f"failed: {row.failure.error_class}" if row.failure else "-", "", "")
    versus = "baseline" if row.variant is row.baseline else "-"
    if row.comparison is not None:
        versus = change_text(row.comparison)
        if row.comparison.low is None and (more := launches_to_know(row.comparison)):
            versus += f" (an interval takes {count(more, 'more launch', 'more launches')})"
    return (
        interval(row.summary.median_us, scale),
        p99(row.summary.p99_us, scale),
        versus,
    )


def _notes(table: Table) -> tuple[str, ...]:
    """What each figure of the table was made from."""
    summaries = [row.summary for row in table.rows if row.summary is not None]
    if not summaries:
        return ()
    kinds = dict.fromkeys(summary.median_us.kind for summary in summaries)
    parts = [f"median: {' or '.join(kinds)}"]
    estimates = [s.p99_us for s in summaries if isinstance(s.p99_us, Estimate)]
    if estimates:
        parts.append(f"p99: {' or '.join(dict.fromkeys(e.kind for e in estimates))}")
    parts.append("[ ] 95 % interval over launches")
    notes = [" · ".join(parts), *ratio_notes(table), *metric_notes(table)]
    notes += answer_notes(table)
    fewest = min(summary.launches for summary in summaries)
    if fewest < MIN_ORDER_LAUNCHES and any(s.median_us.low is None for s in summaries):
        more = count(MIN_ORDER_LAUNCHES - fewest, "more launch", "more launches")
        notes.append(f"no interval where launches are too few or differ too much: {more}")
    if table.spent is not None:
        notes.append(_spent(table.spent))
    return tuple(notes)


def _fed(table: Table, short: Mapping[str, str]) -> tuple[str, ...]:
    """The signature and the shapes that were measured, where the files leave a choice."""
    variants: dict[str, list[str]] = {}
    for row in table.rows:
        variants.setdefault(_chosen(row.variant), []).append(short[row.variant.name])
    if len(variants) == 1:
        return tuple(filter(None, variants))
    return tuple(f"{', '.join(names)}: {text}" for text, names in variants.items() if text)


def _chosen(variant: Variant) -> str:
    """``measured at image 1×64×64×3 · signature encode``; empty where nothing was to choose."""
    shapes = [
        f"{each.name} {'×'.join(map(str, each.shape))}"
        for each in variant.inputs
        if each.is_open or each.is_resized
    ]
    parts = [f"measured at {', '.join(shapes)}"] if shapes else []
    signatures = variant.facts.signatures if variant.facts is not None else {}
    if variant.signature is not None and len(signatures) > 1:
        parts.append(f"signature {variant.signature}")
    return " · ".join(parts)


def _spent(spent: Spent) -> str:
    """What ``--until`` took, reached and saved."""
    each = f"{spent.most} each"
    if spent.fewest < spent.most:
        each = f"{spent.fewest} to {spent.most} each"
    known = spent.variants - len(spent.short)
    text = (
        f"until ±{spent.precision * 100:g} %: "
        f"{known} of {count(spent.variants, 'median')} known after "
        f"{count(spent.launches, 'launch', 'launches')}, {each}"
    )
    if spent.saved:
        saved = f"{spent.saved / spent.fixed * 100:.0f} %"
        text += f" · a fixed plan as sure takes {spent.fixed}: {spent.saved} saved ({saved})"
    return text


def problems(report: Report) -> Sequence[str]:
    """Failures and warnings, one line each; what is true of several variants is said once."""
    alike: dict[tuple[str, str], dict[str, None]] = {}
    for failure in report.failures:
        if not failure.discarded:
            words = f"({failure.error_class}): {failure.message}: {failure.hint}"
            alike.setdefault((failure.target, words), {})[failure.variant] = None
    lines = [
        f"failed: {', '.join(variants)}{f' on {target}' if target else ''} {words}"
        for (target, words), variants in alike.items()
    ]
    warned: dict[tuple[str | None, str], list[str]] = {}
    for warning in report.warnings:
        words = f"{warning.message}: {warning.hint}"
        warned.setdefault((warning.target, words), []).extend(filter(None, [warning.variant]))
    for (target, words), variants in warned.items():
        who = " ".join(filter(None, [", ".join(variants), target]))
        lines.append(f"warning: {who + ': ' if who else ''}{words}")
    return lines
