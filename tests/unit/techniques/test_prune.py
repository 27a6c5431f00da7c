"""Schedules of pruning, as numbers."""

from __future__ import annotations

import pytest

from bench.errors import BuildError
from bench.techniques.prune import fractions_of, plan


def test_by_default_zeros_are_complete_after_60_percent_in_25_rounds() -> None:
    begin, end, frequency = plan({"begin": "0"}, 1000)
    assert (begin, end, frequency) == (0, 600, 24)


@pytest.mark.parametrize("steps", [1, 2, 3, 17, 100, 12345])
def test_the_last_choice_of_zeros_falls_on_the_end(steps: int) -> None:
    begin, end, frequency = plan({"begin": "0"}, steps)
    assert 0 <= begin < end <= steps
    assert frequency >= 1
    assert (end - begin) % frequency == 0


def test_given_steps_are_taken_and_aligned() -> None:
    assert plan({"begin": "10", "end": "95", "frequency": "20"}, 100) == (10, 90, 20)
    assert plan({"begin": "10", "end": "20", "frequency": "50"}, 100) == (10, 20, 10)


def test_an_end_after_the_training_is_refused() -> None:
    with pytest.raises(BuildError, match="takes 100 steps"):
        plan({"begin": "0", "end": "101"}, 100)
    with pytest.raises(BuildError, match="takes 100 steps"):
        plan({"begin": "100"}, 100)


def test_an_own_schedule_is_asked_at_each_step_where_zeros_are_chosen() -> None:
    asked = []

    def linear(step: int, begin: int, end: int, target: float) -> float:
        asked.append(step)
        return target * (step - begin) / (end - begin)

    assert fractions_of(linear, "x:linear", 0.8, 0, 4, 2) == pytest.approx([0.0, 0.4, 0.8])
    assert asked == [0, 2, 4]


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda step, begin, end, target: 0.3, "ends at 0.3"),
        (lambda step, begin, end, target: 1.0, "returned 1"),
        (lambda step, begin, end, target: None, "failed at step 0"),
        (lambda step: 0.5, "failed at step 0"),
    ],
)
def test_an_own_schedule_that_breaks_its_contract_is_told(function: object, told: str) -> None:
    with pytest.raises(BuildError, match=told):
        fractions_of(function, "x:f", 0.8, 0, 4, 2)  # type: ignore[arg-type]
