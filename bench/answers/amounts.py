"""How many samples a device is asked about, and how many of them at once."""

from __future__ import annotations

import math

from bench.answers.reference import Reference
from bench.tflite.entries import entry_of
from bench.tflite.reader import BITS
from bench.values import Launch, Plan, Variant

PHONE_S = 5.0
"""Of a device's time that a variant's answers take, about, where nothing else is asked for."""

FEWEST, MOST = 10, 2000
"""Samples where nothing else is asked for."""

FEWEST_PROCESSES, USUAL_PROCESSES, MOST_PROCESSES = 4, 20, 100
"""Of a file whose batch is fixed: where nothing else is asked for, and in any case."""

MOST_BYTES = 256e6
"""That all computed tensors of a batch may take together."""

BATCH_S = 20.0
"""That one process may run."""


def samples_to_ask(plan: Plan, variant: Variant, launch: Launch, there: int) -> int:
    """How many samples a device is asked about.

    Args:
        plan: what was asked for.
        variant: as it is measured.
        launch: of it on that device, which tells how long a sample takes.
        there: how many there are.
    """
    asked = plan.phone_samples
    if asked == "all":
        return there
    if asked is None:
        asked = min(max(round(PHONE_S * 1e6 / _sample_us(variant, launch)), FEWEST), MOST)
    return min(asked, there)


def batches(
    plan: Plan, variant: Variant, reference: Reference, launch: Launch, samples: int
) -> tuple[int, ...]:
    """How many samples each process takes.

    Together fewer than there are where each process can take but few; more where the file's batch
    is fixed. Arguments as above.
    """
    if not reference.any_batch:
        return one_by_one(plan, reference.least, launch, samples)
    by_memory = MOST_BYTES / _sample_bytes(variant, reference)
    by_time = min(BATCH_S, plan.timeout_s / 4) * 1e6 / _sample_us(variant, launch)
    size = max(int(min(by_memory, by_time)), 1)
    whole, rest = divmod(samples - 1, size)
    return (1, *(size,) * whole, *((rest,) if rest else ()))


def one_by_one(plan: Plan, size: int, launch: Launch, samples: int) -> tuple[int, ...]:
    """Processes that take no other batch than the file's, and so not many of them.

    Args:
        size: of that batch.
        plan, launch, samples: as above.
    """
    most = MOST_PROCESSES
    if plan.phone_samples is None:
        runs_s = launch.latency.runs * launch.latency.mean_us / 1e6
        each_s = max(launch.wall_s - runs_s, 0.1)
        most = min(max(int(PHONE_S / each_s), FEWEST_PROCESSES), USUAL_PROCESSES)
    return (size,) * min(math.ceil(samples / size), most)


def _sample_us(variant: Variant, launch: Launch) -> float:
    """How long a sample takes, as it was measured."""
    shape = variant.inputs[0].shape if variant.inputs else ()
    measured = launch.latency.median_us or launch.latency.mean_us
    return max(measured, 1.0) / max(shape[0] if shape else 1, 1)


def _sample_bytes(variant: Variant, reference: Reference) -> float:
    """What all computed tensors take for one sample, at most."""
    entry = entry_of(variant.path, variant.signature)
    tensors = [each for each in entry.subgraph.tensors if each.data is None]
    computed: float = sum(abs(each.elements) * BITS.get(each.dtype, 64) / 8 for each in tensors)
    # Sizes that are open are 1 in the file.
    in_file = sum(abs(entry.subgraph.tensors[index].elements) for index in entry.inputs.values())
    given = sum(math.prod(values.shape[1:]) for values in reference.inputs)
    return max(computed * max(float(given) / max(in_file, 1), 1.0), 1.0)
