"""What the tables for people share: columns, and figures as short as they can be and still true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.cells import base_of, files_of, settings_of
from bench.formats._columns import columns
from bench.formats._columns.answers import answer_notes
from bench.formats._columns.choose import order_of
from bench.formats._columns.metrics import metric_notes
from bench.formats._columns.start import start_notes
from bench.formats._grid import Grid, Note
from bench.formats._profile import profile_grid
from bench.formats._ratios import ratio_notes
from bench.report import Report, Table
from bench.report.best_settings import best_settings, best_text
from bench.schedule import Spent
from bench.stats.intervals import MIN_ORDER_LAUNCHES
from bench.text import COARSE_MARK, count, labels
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
    files = files_of(row.variant for row in table.rows)
    names = labels([variant.name for variant in files])
    short = {row.variant.name: _label(row.variant, names) for row in table.rows}
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
        columns(table, short),
        (
            *_notes(table),
            *map(Note, (*_best_settings(report, table), *_fed(table, short), *spelt_out)),
        ),
        groups=tuple(names[base_of(row.variant)] for row in table.rows) if plan.settings else (),
        order=order_of(table),
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


def _coarse_notes(table: Table) -> Iterator[Note]:
    """What the mark before a figure means, and how coarse the tool is."""
    keys = ("median", "p99", "init", "first")
    summaries = [row.summary for row in table.rows if row.summary is not None]
    told = [(key, getattr(each, f"{key}_us")) for key in keys for each in summaries]
    starts = [row.starts for row in table.rows if row.starts is not None]
    told += [("cold-init", each.cold_init_us) for each in starts]
    told += [("warm-init", each.warm_init_us) for each in starts]
    coarse = [(key, each) for key, each in told if isinstance(each, Estimate) and each.is_coarse]
    if coarse:
        rounding_us = max(each.rounding for _, each in coarse)
        yield Note(
            f"{COARSE_MARK}: the tool rounds by up to {rounding_us:g} µs, more than 1 % of the "
            "figure; intervals and ratios allow for it",
            frozenset(key for key, _ in coarse),
        )


def _notes(table: Table) -> Iterator[Note]:
    """What each figure of the table was made from."""
    summaries = [row.summary for row in table.rows if row.summary is not None]
    if not summaries:
        return
    kinds = dict.fromkeys(summary.median_us.kind for summary in summaries)
    parts = [f"median: {' or '.join(kinds)}"]
    estimates = [s.p99_us for s in summaries if isinstance(s.p99_us, Estimate)]
    if estimates:
        parts.append(f"p99: {' or '.join(dict.fromkeys(e.kind for e in estimates))}")
    parts.append("[ ] 95 % interval over launches")
    yield Note(" · ".join(parts), frozenset({"median", "p99", "init", "first", "memory"}))
    yield from _coarse_notes(table)
    yield from (Note(text, frozenset({"vs"})) for text in ratio_notes(table))
    yield from (Note(text, frozenset({"accuracy", "lost"})) for text in metric_notes(table))
    about = frozenset({"answers", "phone-accuracy", "agrees"})
    yield from (Note(text, about) for text in answer_notes(table))
    about = frozenset({"cold-init", "warm-init"})
    yield from (Note(text, about) for text in start_notes(table))
    fewest = min(summary.launches for summary in summaries)
    if fewest < MIN_ORDER_LAUNCHES and any(s.median_us.low is None for s in summaries):
        more = count(MIN_ORDER_LAUNCHES - fewest, "more launch", "more launches")
        yield Note(f"no interval where launches are too few or differ too much: {more}")
    if table.spent is not None:
        yield Note(_spent(table.spent))


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
