"""One sample per variant and target, of the best kind that all of its launches have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.stats.sample import Sample, alike
from bench.values import Latency, Launch
from tests import examples

KEPT = examples.launches(["float32"], 3)
PRINTED = [replace(each, latency=replace(each.latency, samples_ns=())) for each in KEPT]
MEANS = [replace(each, latency=Latency(4, mean_us=105.0)) for each in KEPT]


@pytest.mark.parametrize(
    ("launches", "kind"),
    [
        (KEPT, "samples"),
        (PRINTED, "launch medians"),
        ([*KEPT, *PRINTED], "launch medians"),
        ([*KEPT, *MEANS], "launch means"),
    ],
)
def test_the_kind_is_the_best_that_all_launches_have(launches: list[Launch], kind: str) -> None:
    assert Sample.of(launches).kind == kind


def test_a_sample_is_its_launches_and_is_made_once() -> None:
    sample = Sample.of(KEPT)
    assert list(sample) == KEPT
    assert (len(sample), sample[0], list(sample[1:])) == (3, KEPT[0], KEPT[1:])
    assert Sample.of(sample) is sample
    assert sample.log_medians is sample.log_medians
    assert not Sample.of([])


def test_beside_a_side_without_medians_the_other_is_taken_by_its_means() -> None:
    one, other = alike(KEPT, MEANS)
    assert (one.kind, other.kind) == ("launch means", "launch means")
    np.testing.assert_array_equal(one.medians_us, [each.latency.mean_us for each in KEPT])
    one, other = alike(KEPT, PRINTED)
    assert (one.kind, other.kind) == ("samples", "launch medians")


def test_a_block_measured_twice_counts_once() -> None:
    twice = [examples.launch(block=0, samples_us=[us] * 4) for us in (100, 400)]
    assert np.exp(Sample.of(twice).log_medians_by_block[0]) == pytest.approx(200)
