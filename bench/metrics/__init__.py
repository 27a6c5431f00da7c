"""From outputs and labels to figures with intervals: numpy alone, nothing of files or devices.

:func:`choose` looks at the baseline's outputs and the labels and says what each output is measured
by; :func:`score` measures any variant's outputs by that. Both take plain arrays, so that outputs
may come from this machine's interpreter or from a phone.

What is chosen where the user asks for nothing:

==============================================  ===================================================
output and labels                               metrics, the first decides
==============================================  ===================================================
(n, classes) and class numbers or one-hot rows  accuracy
(n,) or (n, 1) and labels of 0 and 1            accuracy, at 0.5 of a sigmoid or 0 of a logit
(n, k) and k labels of 0 and 1 each             label accuracy
(n, …, classes) and a class for each position   mean IoU and pixel accuracy; of sequences, accuracy
                                                per step
numbers of the same shape; those of 0 and 1     R², RMSE, MAE
where outputs are neither sigmoids nor logits
probabilities of classes and no labels          agreement with the baseline, and the next two
anything else and no labels                     relative error and correlation, against the
                                                baseline's outputs
==============================================  ===================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.errors import DataError
from bench.metrics import custom, figures, intervals
from bench.metrics.reading import Array, Reading, read
from bench.metrics.values import Score

Arrays = Mapping[str, Array]
"""By the name of an output; each (samples, …)."""

Wanted = Mapping[str, Sequence[str]]
"""Metrics that the user asks for, by output; under the empty name, for every output."""


def read_wanted(texts: Sequence[str]) -> dict[str, list[str]]:
    """``accuracy``, ``kind=accuracy`` or ``size=module:function`` as metrics by output.

    Raises:
        DataError: there is no such metric.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        output, equals, metric = text.rpartition("=")
        figures.check_name(metric)
        found.setdefault(output if equals else "", []).append(metric)
    return found


@dataclass(frozen=True)
class Chosen:
    """One metric of one output.

    Attributes:
        output: its name; empty for a model's only output, and for metrics of the user's that take
            all outputs.
        metric: a name of ``figures.METRICS``, or ``module:function``.
        reading: how the output is read.
        decides: limits on losses are held against this one.
    """

    output: str
    metric: str
    reading: Reading
    decides: bool


def choose(
    outputs: Arrays,
    labels: Arrays | None,
    *,
    wanted: Wanted | None = None,
    probabilities: Mapping[str, bool] | None = None,
) -> tuple[Chosen, ...]:
    """What to measure, from the baseline's outputs.

    Args:
        outputs: of the baseline.
        labels: by output; a lone one without a name is for the output that it fits. None: no
            labels at all.
        wanted: metrics asked for by name.
        probabilities: of outputs of which it is known whether they end in a sigmoid or softmax.

    Raises:
        DataError: labels of no output, or that do not fit theirs, or a metric that does not.
    """
    wanted = dict(wanted or {})
    known = dict(probabilities or {})
    strangers = [name for name in wanted if name and name not in outputs]
    if strangers:
        raise DataError(
            f"a metric for {strangers[0]}, and the model's outputs are {', '.join(outputs)}",
            hint="name an output of the model, or leave the name out",
        )
    by_output = match_labels(outputs, labels)
    found: list[Chosen] = []
    whole = [metric for metric in wanted.get("", ()) if custom.is_custom(metric)]
    if whole and len(outputs) > 1:
        empty = Reading("numbers", 0, "none")
        return tuple(Chosen("", metric, empty, i == 0) for i, metric in enumerate(whole))
    for name, values in outputs.items():
        if labels and name not in by_output and not wanted.get(name):
            continue  # heads that no labels are given for
        shown = name if len(outputs) > 1 else ""
        reading = read(shown, values, by_output.get(name), probability=known.get(name))
        asked = wanted.get(name) or wanted.get("") or figures.usual(reading)
        for index, metric in enumerate(asked):
            figures.check(metric, shown, reading)
            found.append(Chosen(shown, metric, reading, index == 0))
    return tuple(found)


def match_labels(outputs: Arrays, labels: Arrays | None) -> dict[str, Array]:
    """The labels by the names of the outputs that they are for.

    Raises:
        DataError: an output that there is not; or labels without a name, which fit several
            outputs or none.
    """
    labels = dict(labels or {})
    given = labels.pop("", None)
    strangers = [name for name in labels if name not in outputs]
    if strangers:
        raise DataError(
            f"labels for {strangers[0]}, and the model's outputs are {', '.join(outputs)}",
            hint="name label arrays y_test:OUTPUT",
        )
    if given is None:
        return labels
    names = list(outputs)
    if len(names) > 1:
        # What most models with several outputs have: one that names a class.
        names = [name for name, v in outputs.items() if v.ndim == 2 and v.shape[1] > 1]
    if len(names) != 1:
        raise DataError(
            f"labels without a name, and the model has the outputs {', '.join(outputs)}",
            hint="name label arrays y_test:OUTPUT, or leave them out",
        )
    return {names[0]: given, **labels}


def score(
    outputs: Arrays,
    labels: Arrays | None,
    chosen: Sequence[Chosen],
    *,
    baseline: Arrays | None = None,
) -> tuple[Score, ...]:
    """Measure outputs, each figure with its 95 % interval.

    Args:
        outputs: of a variant, or of the baseline itself.
        labels: as for :func:`choose`.
        chosen: what to measure.
        baseline: the baseline's outputs under the same names; None for the baseline itself. With
            them each figure also tells what was lost, from paired answers.

    Raises:
        DataError: outputs of another shape than the baseline's, or a metric of the user's failed.
    """
    if baseline is not None:
        outputs = align(outputs, baseline)
    by_output = match_labels(baseline or outputs, labels)
    found = []
    for each in chosen:
        if custom.is_custom(each.metric):
            found.append(_custom(each, outputs, by_output, baseline))
            continue
        metric = figures.METRICS[each.metric]
        if metric.against_baseline and baseline is None:
            continue  # it would be held against itself
        name = each.output or next(iter(outputs))
        theirs = None if baseline is None else baseline[name]
        own, truth = outputs[name], by_output.get(name)
        mine = metric.per_sample(own, truth, theirs, each.reading)
        if metric.against_baseline or theirs is None:
            found.append(intervals.scored(each.output, metric, mine, None, decides=each.decides))
        else:
            before = metric.per_sample(theirs, truth, theirs, each.reading)
            found.append(intervals.scored(each.output, metric, mine, before, decides=each.decides))
    return tuple(found)


def align(outputs: Arrays, baseline: Arrays) -> dict[str, Array]:
    """A variant's outputs under the baseline's names: by name, else in their order.

    Raises:
        DataError: they are of other shapes.
    """
    if set(outputs) != set(baseline):
        outputs = dict(zip(baseline, outputs.values(), strict=False))
    if set(outputs) != set(baseline) or any(
        outputs[name].shape != theirs.shape for name, theirs in baseline.items()
    ):
        raise DataError("outputs of other shapes than the baseline's", hint="compare like models")
    return {name: outputs[name] for name in baseline}


def _custom(each: Chosen, outputs: Arrays, labels: Arrays, baseline: Arrays | None) -> Score:
    """A metric of the user's, of one output or of all."""

    def parts(given: Arrays) -> tuple[npt.NDArray[np.generic] | Arrays, Array | Arrays | None]:
        if each.output:
            return given[each.output], labels.get(each.output)
        if len(given) == 1:
            return next(iter(given.values())), next(iter(labels.values()), None)
        return given, labels or None

    before = None if baseline is None else parts(baseline)[0]
    return custom.scored(each.metric, each.output, *parts(outputs), before, decides=each.decides)
