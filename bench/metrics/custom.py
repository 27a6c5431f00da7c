"""Metrics of the user's own: ``module:function``, which gets outputs and labels.

The function returns one score per sample, an array (samples,), or one figure. Higher is better,
unless it has an attribute ``lower_is_better`` that is true. It is called with float32 outputs as
the model gives them and the labels as the data hold them (None without any); for a model with
several outputs with mappings by output name, unless the metric was asked for one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bench import plugins
from bench.errors import DataError
from bench.metrics import intervals
from bench.metrics.figures import Metric
from bench.metrics.reading import Array
from bench.metrics.values import Score
from bench.stats.resampling import Bounds, pseudo_values, t_bounds

GROUPS = 20
"""Of samples, each left out in turn, where a function gives one figure only."""

Part = Array | Mapping[str, Array]


def is_custom(metric: str) -> bool:
    """Whether a metric is a function of the user's."""
    return ":" in metric


def scored(
    name: str, output: str, mine: Part, labels: Part | None, before: Part | None, *, decides: bool
) -> Score:
    """The score by a function of the user's.

    Args:
        name: ``module:function``.
        output: that it is of; empty for all.
        mine: the variant's output, or its outputs by name.
        labels: alike.
        before: the baseline's; None for the baseline itself.
        decides: limits on losses are held against it.

    Raises:
        DataError: it cannot be loaded, it failed, or returned neither.
    """
    function: Any = plugins.load_function(name, DataError)
    if not callable(function):
        raise DataError(f"{name!r} is not a function", hint="name a function")
    lower = bool(getattr(function, "lower_is_better", False))
    label = name.partition(":")[2]
    samples = len(next(iter(mine.values()))) if isinstance(mine, Mapping) else len(mine)
    values = _call(function, name, mine, labels, samples)
    theirs = None if before is None else _call(function, name, before, labels, samples)
    if values.ndim == 1:
        if not lower and np.isin(values, (0, 1)).all():
            column = None if theirs is None else theirs[:, None]
            return intervals.proportion(
                output, label, values[:, None], column, decides=decides, is_fraction=False
            )
        relative = lower or not _within_one(values if theirs is None else theirs)
        return _mean(output, label, values, theirs, decides=decides, lower=lower, relative=relative)
    return _whole(function, name, output, (mine, labels, before), samples, decides=decides)


def _mean(
    output: str,
    label: str,
    values: Array,
    theirs: Array | None,
    *,
    decides: bool,
    lower: bool,
    relative: bool,
) -> Score:
    """The score of one value per sample: their mean, by the bootstrap."""

    def figure(totals: Array) -> Array:
        mean: Array = totals[..., 0] / totals[..., 1]
        return mean if lower or not relative else -mean

    metric = Metric(
        label,
        lambda *_: values,
        lambda totals: totals[..., 0] / totals[..., 1],
        (),
        lower_is_better=lower,
        relative_loss=relative,
        is_fraction=False,
    )
    ones = np.ones_like(values)
    columns = None if theirs is None else np.stack([theirs, ones], axis=1)
    mine = np.stack([values, ones], axis=1)
    return intervals.scored(output, metric, mine, columns, decides=decides)


def _within_one(values: Array) -> bool:
    return bool((values >= 0).all() and (values <= 1).all())


def _whole(
    function: Callable[..., Any],
    name: str,
    output: str,
    parts: tuple[Part, Part | None, Part | None],
    samples: int,
    *,
    decides: bool,
) -> Score:
    """The score by a function that gives one figure: a jackknife over groups of samples."""
    mine, labels, before = parts
    lower = bool(getattr(function, "lower_is_better", False))
    groups = np.random.default_rng(0).permutation(samples) % min(GROUPS, samples)

    def figures(part: Part) -> tuple[float, Array]:
        value = float(_call(function, name, part, labels, samples))
        without = [
            float(_call(function, name, _take(part, kept), _take(labels, kept), int(kept.sum())))
            for kept in (groups != group for group in range(groups.max() + 1))
        ]
        return value, pseudo_values(np.array(without), value)

    value, pseudo = figures(mine)
    found = t_bounds(pseudo, value)
    loss: Bounds | None = None
    relative = lower
    if before is not None:
        old, old_pseudo = figures(before)
        relative = lower or not 0 <= old <= 1
        sign = 1.0 if lower else -1.0
        unit = abs(old) if relative else 1.0
        if unit > 0:
            loss = t_bounds(sign * (pseudo - old_pseudo) / unit, sign * (value - old) / unit)
    return Score(
        output=output,
        metric=name.partition(":")[2],
        value=found.value,
        low=found.low,
        high=found.high,
        loss=loss.value if loss else None,
        loss_low=loss.low if loss else None,
        loss_high=loss.high if loss else None,
        decides=decides,
        is_fraction=False,
        lower_is_better=lower,
        loss_is_relative=relative,
    )


def _take(part: Any, kept: Array) -> Any:
    if part is None:
        return None
    if isinstance(part, Mapping):
        return {name: values[kept] for name, values in part.items()}
    return part[kept]


def _call(function: Any, name: str, part: Part, labels: Part | None, samples: int) -> Array:
    """The function's answer as an array: one score per sample, or a lone figure.

    Raises:
        DataError: it failed, or returned neither.
    """
    try:
        found = np.asarray(function(part, labels), np.float64)
    except Exception as fault:
        # A user's own function may raise anything.
        words = str(fault).strip().replace("\n", " ")
        raise DataError(
            f"{name!r} failed ({type(fault).__name__}: {words})",
            hint="call it by itself with outputs (samples, …) and labels",
        ) from fault
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.shape not in ((), (samples,)):
        raise DataError(
            f"{name!r} returned shape {found.shape}",
            hint=f"return one score per sample, shape ({samples},), or one figure",
        )
    if not np.isfinite(found).all():
        raise DataError(f"{name!r} returned NaN or infinity", hint="return finite scores")
    return found
