"""All reports of one model in order of time: what became slower, larger, less accurate, and when?

Figures are of one *track* if they may be compared: same target, same setting (a report of several
settings is in the tracks of each), and an environment that is equal in all that a latency depends
on (``bench.report.compare``). Tracks are never joined: a phone that got another Android begins a
new one.

What counts as a change: for median and P99 see ``bench.stats.changepoints``; a size or an accuracy
has no noise, so each difference from the report before counts, if a table would show it (accuracies
on the same samples only).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from bench.cells import base_of, cell_of, files_of, normalised_settings
from bench.errors import StoreError, UsageError
from bench.metrics.values import Score
from bench.plugins import nearest
from bench.records import Records, read
from bench.report.answer_warnings import why_not_to_ship
from bench.report.compare import comparable_facts, differences, measured_alike
from bench.stats.changepoints import change_points
from bench.stats.summary import summarize
from bench.values import Environment, Estimate, Launch, Missing, Setting, Variant

Figure = Literal["median", "p99", "size", "accuracy"]

SHOWN_SIZE = 0.0005
"""A size that differs by less would be shown as +0.0 %."""

SHOWN_ACCURACY = 0.00005
"""An accuracy that differs by less would be shown as +0.00 points."""


@dataclass(frozen=True)
class Point:
    """One variant on one target in one report.

    ``score`` is of the metric that decides; ``samples`` is the SHA-256 of what it was evaluated on.
    """

    report: str
    started_at: str
    launches: int
    median_us: Estimate
    p99_us: Estimate | Missing
    size_bytes: int
    zipped_bytes: int
    score: Score | None
    samples: str | None

    @property
    def accuracy(self) -> float | None:
        """The value of the score."""
        return None if self.score is None else self.score.value

    def evaluated_as(self, other: Point) -> bool:
        """Whether its accuracy may be compared with another's: same samples, same metric."""
        if self.score is None or other.score is None:
            return False
        return (self.samples, self.score.label) == (other.samples, other.score.label)


@dataclass(frozen=True)
class ChangePoint:
    """A figure begins a new level at a point.

    ``by`` is the new level over the old one (1.08: 8 % more); for an accuracy new minus old, of
    which ``score`` is the new one.
    """

    index: int
    figure: Figure
    by: float
    score: Score | None = None


@dataclass(frozen=True)
class Series:
    """One variant in one track, oldest point first."""

    variant: str
    points: tuple[Point, ...]
    changes: tuple[ChangePoint, ...]

    def changes_at(self, index: int) -> tuple[ChangePoint, ...]:
        """What changes at a point."""
        return tuple(change for change in self.changes if change.index == index)


@dataclass(frozen=True)
class Track:
    """Figures that may be compared.

    Attributes:
        label: of the environment, for headings.
        settings: of the plan, such as ``4 threads · gpu``; with ``target`` it names a picture's
            panel.
        differs: in what the environment is unlike that of the track before it in the same panel;
            empty for the first.
    """

    target: str
    label: str
    settings: str
    differs: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class History:
    """All that was found of one model.

    Attributes:
        reports: names of the files, oldest first.
        tracks: in order of their first report.
        notes: which files were left out, and why; which variants answered wrongly on a phone.
    """

    model: str
    reports: tuple[str, ...]
    started_at: tuple[str, ...]
    tracks: tuple[Track, ...]
    notes: tuple[str, ...]


def load(folder: Path, name: str | None = None) -> History:
    """Read and summarize all reports of a model in a folder.

    Args:
        name: of the model; None is the only one that there are reports of.

    Raises:
        UsageError: there is no such folder, or no report of that model in it, or none was named
            and there are several.
    """
    if not folder.is_dir():
        raise UsageError(f"no folder {folder}", hint="give --reports FOLDER")
    if name is None:
        name = _only_model(folder)
    found: list[Records] = []
    notes: list[str] = []
    others: Counter[str] = Counter()
    for path in sorted(folder.glob("*.jsonl")):
        try:
            records = read(path)
        except StoreError as error:
            notes.append(f"left out {error}")
            continue
        if records.session.model.name != name:
            others[records.session.model.name] += 1
        elif not records.launches:
            notes.append(f"left out {path}: it holds no launch")
        else:
            found.append(records)
    if not found:
        raise UsageError(f"{folder} has no report of {name!r}", hint=nearest(name, list(others)))
    if others:
        each = ", ".join(f"{model} ({count})" for model, count in sorted(others.items()))
        notes.append(f"left out reports of other models: {each}")
    return assemble(name, found, notes)


def _only_model(folder: Path) -> str:
    """The name of the one model that a folder has reports of."""
    names: set[str] = set()
    for path in folder.glob("*.jsonl"):
        with contextlib.suppress(StoreError):  # which is noted where the reports are read
            names.add(read(path).session.model.name)
    if len(names) == 1:
        return names.pop()
    if not names:
        raise UsageError(f"{folder} has no report", hint="measure first: bench run MODEL")
    each = ", ".join(sorted(names))
    raise UsageError(f"{folder} has reports of several models", hint=f"name one of: {each}")


def assemble(name: str, found: Sequence[Records], notes: Sequence[str] = ()) -> History:
    """The history of reports in any order."""
    ordered = sorted(found, key=lambda records: (records.session.started_at, records.path.name))
    tracks: dict[str, list[Part]] = defaultdict(list)
    for records in ordered:
        for environment in records.environments:
            for setting in normalised_settings(records.session.plan):
                part = (records, environment, setting)
                tracks[_track_key(*part)].append(part)
    seen: dict[tuple[str, str], Environment] = {}
    return History(
        model=name,
        reports=tuple(records.path.stem for records in ordered),
        started_at=tuple(records.session.started_at for records in ordered),
        tracks=tuple(
            track for parts in tracks.values() if (track := _track(parts, seen)) is not None
        ),
        notes=(*notes, *_bad_answers(ordered)),
    )


def _bad_answers(found: Iterable[Records]) -> Iterator[str]:
    """Which variants answered wrongly, where, and in which report."""
    for records in found:
        for each in records.answers:
            if why := why_not_to_ship(each):
                yield f"{records.path}: {each.variant} on {each.target}: {why}"


Part = tuple[Records, Environment, Setting]
"""What one report has on one target under one setting."""


def _track_key(records: Records, environment: Environment, setting: Setting) -> str:
    """Equal for figures that may be compared."""
    facts = [comparable_facts(environment), measured_alike(records.session.plan), asdict(setting)]
    return json.dumps([environment.target, facts], sort_keys=True, default=str)


def _track(parts: Sequence[Part], seen: dict[tuple[str, str], Environment]) -> Track | None:
    """One track; ``seen`` has the last environment of each panel, and is kept up to date."""
    first, environment, setting = parts[0]
    panel = (environment.target, _settings(first, setting))
    before = seen.get(panel)
    names = dict.fromkeys(
        variant.name
        for records, _, _ in reversed(parts)
        for variant in files_of(records.session.variants)
    )
    series = tuple(
        _series(name, points) for name in names if (points := tuple(_points(parts, name)))
    )
    if not series:
        return None
    seen[panel] = environment
    return Track(
        target=environment.target,
        label=environment.label,
        settings=panel[1],
        differs=", ".join(differences(before, environment)) if before is not None else "",
        series=series,
    )


def _settings(records: Records, setting: Setting) -> str:
    """What was chosen for the measuring, in a few words."""
    parts = [f"{setting.threads} {'thread' if setting.threads == 1 else 'threads'}"]
    chosen = {"delegate": setting.delegate, "affinity": setting.affinity}
    for name, value in {**chosen, **measured_alike(records.session.plan)}.items():
        if value:
            parts.append(f"{name} {value}" if not isinstance(value, bool) else name)
    return " · ".join(parts)


def _points(parts: Sequence[Part], name: str) -> Iterator[Point]:
    for records, environment, setting in parts:
        plan = records.session.plan
        cell = next(
            (x for x in records.session.variants if cell_of(x, plan) == (name, setting)), None
        )
        launches = records.launches_of(environment.target, cell.name) if cell is not None else []
        if cell is not None and launches:
            yield _point(records, cell, launches)


def _point(records: Records, variant: Variant, launches: Sequence[Launch]) -> Point:
    plan = records.session.plan
    summary = summarize(launches, until=plan.until)
    evaluated = next((x for x in records.accuracies if x.variant == base_of(variant)), None)
    return Point(
        report=records.path.stem,
        started_at=records.session.started_at,
        launches=summary.launches,
        median_us=summary.median_us,
        p99_us=summary.p99_us,
        size_bytes=variant.size_bytes,
        zipped_bytes=variant.zipped_bytes,
        score=next(iter(evaluated.deciding), None) if evaluated is not None else None,
        samples=records.session.data.get("sha256"),
    )


def _series(name: str, points: tuple[Point, ...]) -> Series:
    p99s = {i: p.p99_us for i, p in enumerate(points) if isinstance(p.p99_us, Estimate)}
    found = [
        *_level_changes("median", {i: p.median_us for i, p in enumerate(points)}),
        *_level_changes("p99", p99s),
        *_exact_changes(points),
    ]
    return Series(name, points, tuple(sorted(found, key=lambda change: change.index)))


def _level_changes(figure: Figure, figures: Mapping[int, Estimate]) -> Iterable[ChangePoint]:
    """Of a figure with noise; ``figures`` by the index of their point."""
    indices, estimates = list(figures), list(figures.values())
    starts = change_points(estimates)
    bounds = [0, *starts, len(estimates)]
    for before, start, stop in zip(bounds, bounds[1:], bounds[2:], strict=False):
        by = _level(estimates[start:stop]) / _level(estimates[before:start])
        yield ChangePoint(indices[start], figure, by)


def _level(estimates: Sequence[Estimate]) -> float:
    return statistics.median(estimate.value for estimate in estimates)


def _exact_changes(points: Sequence[Point]) -> Iterable[ChangePoint]:
    """Of figures without noise."""
    for index, (before, after) in enumerate(itertools.pairwise(points), start=1):
        ratio = after.size_bytes / before.size_bytes
        if abs(math.log(ratio)) >= SHOWN_SIZE:
            yield ChangePoint(index, "size", ratio)
        if after.accuracy is None or before.accuracy is None or not after.evaluated_as(before):
            continue
        if abs(after.accuracy - before.accuracy) >= SHOWN_ACCURACY:
            yield ChangePoint(index, "accuracy", after.accuracy - before.accuracy, after.score)


def describe(change: ChangePoint) -> str:
    """``median 1.08x slower``, ``size +12.0 %``, ``accuracy -0.40 points``."""
    if change.figure == "size":
        return f"size {(change.by - 1) * 100:+.1f} %"
    if change.figure == "accuracy":
        assert change.score is not None
        by = f"{change.by * 100:+.2f} points" if change.score.is_fraction else f"{change.by:+.3g}"
        return f"{change.score.label} {by}"
    return f"{change.figure} {slower(change)}"


def slower(change: ChangePoint) -> str:
    """``1.08x slower`` or ``2.4x faster``, of a median or P99."""
    factor = max(change.by, 1 / change.by)
    return f"{factor:.{1 if factor >= 2 else 2}f}x {'slower' if change.by > 1 else 'faster'}"
