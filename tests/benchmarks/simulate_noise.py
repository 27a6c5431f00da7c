"""Launches that never were, of known median and P99, for proving the statistics.

All on natural logarithms of time. A run is its launch's level plus noise of one shape; a launch's
level is drawn from a normal distribution (``launch_effect`` is its standard deviation) and rises
with the session (``heating``). The truth that a report is held against is the typical launch's, in
the middle of the session.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bench.values import Latency, Launch

Floats = NDArray[np.float64]
Shape = tuple[int, ...]

LAUNCH_EFFECTS = (0.0, 0.05, 0.20)
HEATINGS = (0.0, 0.10)

_RUNS_FOR_THE_TRUTH = 2_000_000
_MEMORY = 0.5


def _lognormal(rng: np.random.Generator, shape: Shape) -> Floats:
    return 0.05 * rng.standard_normal(shape)


def _gamma(rng: np.random.Generator, shape: Shape) -> Floats:
    return np.log(rng.gamma(100.0, 0.01, shape))


def _bimodal(rng: np.random.Generator, shape: Shape) -> Floats:
    """Three runs in ten are a fifth slower."""
    slow = rng.random(shape) < 0.3
    return np.where(slow, 0.2, 0.0) + 0.02 * rng.standard_normal(shape)


def _spiky(rng: np.random.Generator, shape: Shape) -> Floats:
    """Two runs in a hundred are interrupted, for as long as a run takes on average."""
    pause = np.where(rng.random(shape) < 0.02, rng.exponential(1.0, shape), 0.0)
    spiky: Floats = np.log(np.exp(0.02 * rng.standard_normal(shape)) + pause)
    return spiky


def _autocorrelated(rng: np.random.Generator, shape: Shape) -> Floats:
    """Each run remembers half of the one before."""
    noise = rng.standard_normal(shape)
    for run in range(1, shape[-1]):
        noise[..., run] *= np.sqrt(1 - _MEMORY**2)
        noise[..., run] += _MEMORY * noise[..., run - 1]
    return 0.05 * noise


DRAW: dict[str, Callable[[np.random.Generator, Shape], Floats]] = {
    "lognormal": _lognormal,
    "gamma": _gamma,
    "bimodal": _bimodal,
    "spiky": _spiky,
    "autocorrelated": _autocorrelated,
}


@cache
def truth(shape: str, share: float) -> float:
    """The quantile of order ``share`` of one run around its launch's level."""
    if shape in ("lognormal", "autocorrelated"):
        return 0.05 * NormalDist().inv_cdf(share)
    return float(np.quantile(_many(shape), share))


@cache
def _many(shape: str) -> Floats:
    return DRAW[shape](np.random.default_rng(0), (_RUNS_FOR_THE_TRUTH,))


@dataclass(frozen=True)
class Session:
    """How launches of one file would come out."""

    shape: str
    launch_effect: float
    heating: float

    def levels(self, rng: np.random.Generator, repetitions: int, launches: int) -> Floats:
        """Launch effects without heating, (repetitions, launches)."""
        return self.launch_effect * rng.standard_normal((repetitions, launches))

    def warming(self, launches: int) -> Floats:
        """The rise over the session, (launches,)."""
        return np.log1p(self.heating * (np.arange(launches) + 0.5) / launches)

    def truth(self, share: float) -> float:
        """What the typical launch's quantile is."""
        return truth(self.shape, share) + float(np.log1p(self.heating / 2))

    def __str__(self) -> str:
        heat = f", heating {self.heating:.0%}" if self.heating else ""
        return f"{self.shape}, launches ± {self.launch_effect:.0%}{heat}"


def sessions() -> list[Session]:
    """Every shape with every launch effect, cool and heating."""
    return [
        Session(shape, effect, heating)
        for shape in DRAW
        for effect in LAUNCH_EFFECTS
        for heating in HEATINGS
    ]


def covered(interval: Sequence[Floats], true: float) -> float:
    """The share of (value, low, high) whose ends hold the truth; one without ends does not."""
    _, low, high = interval
    return float(np.mean((low <= true) & (true <= high)))


def as_launches(log_runs_us: Floats, variant: str = "v", *, keep_samples: bool) -> list[Launch]:
    """One session, (launches, runs), as a target would tell it: samples, or aggregates only."""
    launches = []
    for block, runs_us in enumerate(np.exp(log_runs_us)):
        samples_ns = np.round(runs_us * 1000).astype(int)
        told_us = samples_ns / 1000
        latency = Latency(
            runs=len(told_us),
            mean_us=float(told_us.mean()),
            median_us=float(np.median(told_us)),
            min_us=float(told_us.min()),
            max_us=float(told_us.max()),
            std_us=float(told_us.std()),
            samples_ns=tuple(samples_ns.tolist()) if keep_samples else (),
        )
        launches.append(Launch(variant, "simulated", block, latency))
    return launches
