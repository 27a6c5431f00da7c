"""Against published tables, and against SciPy where it is installed."""

from __future__ import annotations

import itertools
import math

import pytest

from bench.stats.special import fractional_order, incomplete_beta, signed_rank_cut, t_quantile


@pytest.mark.parametrize(
    ("df", "quantile"),
    [(1, 12.7062), (2, 4.3027), (4, 2.7764), (9, 2.2622), (30, 2.0423), (1e6, 1.9600)],
)
def test_t_quantile_against_the_printed_table(df: float, quantile: float) -> None:
    assert t_quantile(0.975, df) == pytest.approx(quantile, abs=1e-4)
    assert t_quantile(0.025, df) == pytest.approx(-quantile, abs=1e-4)


@pytest.mark.parametrize(("blocks", "cut"), [(6, 0), (7, 2), (8, 3), (10, 8), (15, 25), (20, 52)])
def test_signed_ranks_against_the_printed_table(blocks: int, cut: int) -> None:
    """Critical values at 2.5 % per tail, as in Wilcoxon and Wilcox 1964, table 2."""
    assert signed_rank_cut(blocks, 0.025) == cut


def test_too_few_blocks_have_no_signed_rank_cut() -> None:
    assert signed_rank_cut(5, 0.025) is None


def test_the_normal_approximation_takes_over_smoothly() -> None:
    cuts = [signed_rank_cut(blocks, 0.02) or 0 for blocks in range(55, 67)]
    steps = [after - before for before, after in itertools.pairwise(cuts)]
    assert all(18 <= step <= 26 for step in steps)


def test_incomplete_beta_of_a_binomial() -> None:
    """I_p(k, n-k+1) is the probability of k or more out of n."""
    tail = sum(math.comb(12, k) * 0.3**k * 0.7 ** (12 - k) for k in range(5, 13))
    assert incomplete_beta(5, 8, 0.3) == pytest.approx(tail, rel=1e-12)
    assert incomplete_beta(5, 8, 0.0) == 0.0
    assert incomplete_beta(5, 8, 1.0) == 1.0


def test_against_scipy() -> None:
    special = pytest.importorskip("scipy.special")
    stats = pytest.importorskip("scipy.stats")
    for a, b, x in [(0.5, 0.5, 0.2), (2.5, 40, 0.9), (684, 7, 0.99), (5e4, 5e4, 0.501)]:
        assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-9)
    for df in (1.0, 3.3, 17.2, 400.0):
        assert t_quantile(0.98, df) == pytest.approx(stats.t.ppf(0.98, df), rel=1e-9)


def test_orders_where_368_runs_are_just_enough_for_a_p99() -> None:
    assert fractional_order(368, 0.99, 0.025) == pytest.approx(368, abs=0.01)
    assert fractional_order(367, 0.99, 0.025) is None


def test_orders_of_a_median_are_symmetric() -> None:
    low, middle, high = (fractional_order(10, 0.5, end) for end in (0.975, 0.5, 0.025))
    assert middle == pytest.approx(5.5)
    assert low is not None
    assert high is not None
    assert low + high == pytest.approx(11)
    assert 2 < low < 3
    assert fractional_order(5, 0.5, 0.975) is None
