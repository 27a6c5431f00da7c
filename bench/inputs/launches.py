"""How launches are fed: which signature, what shape each input has, and random values or samples.

A size that a file leaves open is never guessed, since a model measured at 1×1 says nothing of it at
224×224: it comes from ``--input-shape``, else from the samples, else there is no run. A batch that
is left open is 1.

Inputs of wide integers are mostly indices into a table, such as tokens: they are fed samples where
there are any, and random values stay within the samples' bounds, else within the table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from bench import plugins
from bench.data import Array, Data
from bench.errors import DataError, UsageError
from bench.inputs import InputSpec, Shape, fit, matches, show, signature_of, specs_of
from bench.inputs.indices import rows_of_table
from bench.inputs.scaling import scaling_warnings
from bench.values import MeasuredInput, Plan, ReportWarning, Variant

Value = TypeVar("Value")

_SHAPE_FROM = ("test", "calibration", "validation", "train")
"""Splits whose samples tell a size that is left open, the first that there is."""


@dataclass(frozen=True)
class _Known:
    """What is known of one input besides what the file says.

    Attributes:
        shape: that ``--input-shape`` gives it.
        bounds: that ``--input-range`` gives it.
        samples: of each split, fitted.
    """

    shape: tuple[int, ...] | None
    bounds: tuple[float, float] | None
    samples: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Fed:
    """All that launches and evaluation take.

    Attributes:
        variants: each with its signature and how its inputs are fed.
        data: fitted to the first of them, None without samples.
        warnings: of samples that look wrong, and of how they were divided.
    """

    variants: tuple[Variant, ...]
    data: Data | None
    warnings: tuple[ReportWarning, ...]


def feed(variants: Sequence[Variant], plan: Plan, data: Data | None) -> Fed:
    """Fit the samples to the variants, and settle how their launches are fed.

    Args:
        variants: the baseline first.
        plan: what was asked for.
        data: as loaded, or as a call with the same baseline has fitted them.

    Raises:
        ModelError: there is no such signature, or the user must choose one.
        UsageError: a size is left open and nothing tells it; ``--input-shape`` or ``--input-range``
            names no input or contradicts the file.
        DataError: the samples do not fit (see :func:`bench.inputs.fit`), have other shapes than
            asked for, or there are none for ``--real-inputs``.
    """
    first = variants[0]
    specs = specs_of(first, signature_of(first, plan.signature))
    fitted = None if data is None else fit(data, specs)
    fed = _with_inputs(variants, plan, fitted)
    if fitted is None:
        return Fed(fed, None, ())
    hint = "give samples for each split to choose them yourself"
    notes = tuple(ReportWarning("split", note, hint) for note in fitted.notes)
    return Fed(fed, fitted, (*notes, *scaling_warnings(fitted, specs, fed[0])))


def _with_inputs(variants: Sequence[Variant], plan: Plan, data: Data | None) -> tuple[Variant, ...]:
    """The variants with the signature that is run and how each of its inputs is fed."""
    if plan.real_inputs and (data is None or data.test is None):
        raise DataError("--real-inputs without test samples", hint="give --data with x_test")
    fed: list[Variant] = []
    for variant in variants:
        signature = signature_of(variant, plan.signature)
        specs = specs_of(variant, signature)
        baseline = fed[0].inputs if fed else ()
        known = _known(specs, baseline, plan, data)
        real = plan.real_inputs or _takes_indices(specs, known)
        chosen = replace(variant, signature=signature)
        inputs = tuple(_input(chosen, s, k, real, plan) for s, k in zip(specs, known, strict=True))
        fed.append(replace(chosen, inputs=inputs))
    return tuple(fed)


def _known(
    specs: Sequence[InputSpec],
    baseline: Sequence[MeasuredInput],
    plan: Plan,
    data: Data | None,
) -> list[_Known]:
    shapes = _named("--input-shape", dict(plan.input_shapes), specs, baseline)
    ranges = _named("--input-range", dict(plan.input_ranges), specs, baseline)
    splits = [] if data is None else [data.splits[n] for n in _SHAPE_FROM if n in data.splits]
    lone = len(specs) == 1
    return [
        _Known(
            shapes.get(spec.name),
            ranges.get(spec.name),
            tuple(np.asarray(next(iter(s.x.values())) if lone else s.x[spec.name]) for s in splits),
        )
        for spec in specs
    ]


def _named(
    flag: str,
    given: Mapping[str, Value],
    specs: Sequence[InputSpec],
    baseline: Sequence[MeasuredInput],
) -> dict[str, Value]:
    """What a flag gives to inputs, by the names that they have in this file.

    An only input may also be called as the baseline's is.
    """
    known = {alias: spec.name for spec in specs for alias in (spec.name, spec.tensor) if alias}
    if len(specs) == 1:
        theirs = (alias for each in baseline for alias in (each.name, each.tensor))
        known |= dict.fromkeys(theirs, specs[0].name)
    for name in given:
        if name not in known:
            raise UsageError(
                f"{flag} names no input of the model: {name!r}",
                hint=plugins.nearest(name, [spec.name for spec in specs]),
            )
    return {known[name]: value for name, value in given.items()}


def _takes_indices(specs: Sequence[InputSpec], known: Sequence[_Known]) -> bool:
    """Whether samples must be fed: random indices may lie outside of their table."""
    return any(
        _is_index(spec) and each.samples and each.bounds is None and _sample_fits(spec, each)
        for spec, each in zip(specs, known, strict=True)
    )


def _is_index(spec: InputSpec) -> bool:
    return spec.dtype in ("int16", "int32", "int64", "uint32", "uint64") and not spec.scale


def _sample_fits(spec: InputSpec, known: _Known) -> bool:
    """Whether a sample has the shape that was asked for."""
    one = known.samples[0].shape[1:]
    return known.shape is None or one in (known.shape[1:], known.shape)


def _input(
    variant: Variant, spec: InputSpec, known: _Known, real: bool, plan: Plan
) -> MeasuredInput:
    if plan.real_inputs and not _sample_fits(spec, known):
        assert known.shape is not None
        raise DataError(
            f"the samples for {spec.name} have shape {show(known.samples[0].shape[1:])}, and "
            f"--input-shape says {show(known.shape[1:])}",
            hint="leave --input-shape or --real-inputs out",
        )
    bounds = known.bounds
    if bounds is None and _is_index(spec):
        bounds = _index_bounds(variant, spec, known)
    shape = _shape(spec, known)
    return MeasuredInput(
        name=spec.name,
        tensor=spec.tensor or spec.name,
        dtype=spec.dtype,
        shape=shape,
        is_open=spec.is_open,
        is_resized=shape != spec.file_shape,
        bounds=bounds,
        from_samples=real and bool(known.samples),
    )


def _index_bounds(variant: Variant, spec: InputSpec, known: _Known) -> tuple[float, float] | None:
    """What indices lie between: the samples' least and greatest, else the rows of the table."""
    if not known.samples:
        rows = rows_of_table(variant, spec)
        return None if rows is None else (0, rows)
    least = min(float(each.min()) for each in known.samples)
    most = max(float(each.max()) for each in known.samples)
    return least, most + 1


def _shape(spec: InputSpec, known: _Known) -> tuple[int, ...]:
    """The shape that an input is measured at."""
    if known.shape is not None:
        if not matches(known.shape, spec.shape):
            raise UsageError(
                f"--input-shape gives {spec.name} the shape {show(known.shape)}, and the model's "
                f"is fixed at {show(spec.shape)}",
                hint="only what is shown as ? can be chosen",
            )
        return known.shape
    sizes: Shape = spec.shape
    if known.samples:
        one = known.samples[0].shape[1:]
        has_batch = len(one) < len(spec.shape)
        sizes = (spec.shape[0] or 1, *one) if has_batch else one
    elif spec.sample_shape:
        sizes = (spec.shape[0] or 1, *spec.sample_shape)
    if None in sizes:
        flag = ",".join("?" if size is None else str(size) for size in sizes)
        raise UsageError(
            f"the model leaves sizes of its input {spec.name} open: {show(spec.shape)}",
            hint=f"give --input-shape {spec.name}={flag} with a number for each ?, or --data",
        )
    return tuple(int(size) for size in sizes if size is not None)


def sample(data: Data | None, variants: Sequence[Variant]) -> dict[str, Array] | None:
    """What launches are fed that take samples: a batch of test samples by input.

    An only input has no name, since variants may call it otherwise. None where every launch is fed
    random values.
    """
    fed = [each for variant in variants for each in variant.inputs if each.from_samples]
    if not fed or data is None:
        return None
    split = next(data.splits[name] for name in _SHAPE_FROM if name in data.splits)
    count = max(each.shape[0] if each.shape else 1 for each in fed)
    taken = split.take(np.arange(count) % len(split)).x
    return {"" if len(taken) == 1 else name: values for name, values in taken.items()}


def write_sample(path: Path, data: Data | None, variants: Sequence[Variant]) -> None:
    """Save :func:`sample` where launches look for it; nothing is written where it is None."""
    taken = sample(data, variants)
    if taken is not None:
        np.savez(path, allow_pickle=False, **taken)
