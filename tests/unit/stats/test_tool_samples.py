"""That single runs follow from what benchmark_model prints of a few."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.tool_samples import read, recover


def line(runs: list[int]) -> str:
    """As the tool prints it (stats_calculator.h): averages with six digits, spreads cut."""
    if len(set(runs)) == 1:
        same = "(all same)" if len(runs) > 1 else ""
        return f"count={len(runs)} curr={runs[-1]}{same}"
    figures = {"first": runs[0], "curr": runs[-1], "min": min(runs), "max": max(runs)}
    told = " ".join(f"{key}={value}" for key, value in figures.items())
    return f"count={len(runs)} {told} avg={float(np.mean(runs)):.6g} std={int(np.std(runs))}"


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("typical_us", [3, 120, 45_000])
def test_runs_of_a_short_launch_are_recovered(count: int, typical_us: int) -> None:
    rng = np.random.default_rng(count)
    for _ in range(300):
        runs = [int(each) for each in rng.gamma(20, typical_us / 20, count) + 1]
        found = recover(read(f"count=1 curr=9\n{line(runs)}\n"))
        assert found is not None
        assert max(found) == max(runs)
        assert min(found) == min(runs)
        if count < 4 or {runs[0], runs[-1]} != {min(runs), max(runs)}:
            assert sorted(found) == pytest.approx(sorted(runs), abs=2e-5 * sum(runs))
        assert sum(found) == pytest.approx(sum(runs), rel=1e-5)


def test_of_a_longer_launch_nothing_is_claimed() -> None:
    assert recover(read(f"count=1 curr=9\n{line([5, 3, 8, 9, 4])}\n")) is None
