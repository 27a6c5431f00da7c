"""Whether a device answers as this machine does: verdicts that tell rounding from nonsense.

Both run the same file on the same samples. A device may compute in half precision (GPUs), or round
its integers at other places (NPUs, other kernels), and is no worse for it; a broken delegate gives
NaN, zeros, or numbers that have little to do with the model. What lies between is told by what
rounding can explain:

* **One step.** A quantized output differs by a step wherever the value before it lies near the
  middle of two. A float output that passed through float16 differs by a unit in the last place at
  most, 2^-10 of itself. So much of each difference is taken away before anything is judged.
* **Float arithmetic.** Rounding errors are independent of each other, so that ``n`` roundings in a
  row grow to ``sqrt(n) * u`` (Higham and Mary 2019, "A new approach to probabilistic rounding error
  analysis", SIAM J. Sci. Comput. 41:A2815). With float16's ``u = 2^-11`` and 256 roundings from
  input to output that is :data:`FLOAT_BOUND`; for float32 (``u = 2^-24``, 2^20 of them) it is
  :data:`SAME`.
* **8-bit arithmetic.** Two kernels that round an activation each in its own way are
  ``sqrt(1/6) = 0.41`` steps apart; an activation fills its 255 steps with a root mean square of
  about a sixth of them, 42. That is 1 % a layer, and ``sqrt(42) * 1 %`` over 42 layers:
  :data:`INTEGER_BOUND`. Dynamic range kernels quantize activations as they come, likewise.

Errors of rounding also have no direction. So an output that is as a whole larger or smaller than
here is told by its gain, however little that is beside the bound of its errors; and so are values
of another order that lie close together, by how they vary with those here. A single sample, or a
single channel, is held against the bound by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from bench.metrics.reading import Array, Reading
from bench.metrics.values import OutputAgreement, Score, Verdict
from bench.stats.proportions import proportion_interval

FLOAT_BOUND = math.sqrt(256) * 2.0**-11
"""Root mean square of errors over that of the values: 256 roundings in float16, 0.8 %."""

INTEGER_BOUND = 2.0**-4
"""The same of 8-bit arithmetic: 42 layers, 6 %."""

SAME = math.sqrt(2**20) * 2.0**-24
"""Of each value, or of the root mean square where that is greater: 2^20 roundings in float32."""

GAIN_BOUND = FLOAT_BOUND
"""How far the gain of all values may lie from 1, whatever the arithmetic: errors of rounding, which
have no direction, cannot add up in it."""

SAMPLE_FACTOR = 8.0
"""One sample may lie so many times further off than all of them: eight standard deviations."""

CHANNEL_FACTOR = 2.0
"""One channel may, which is a mean over all samples."""

ULP = 2.0**-10
"""Of float16, as a fraction of a value."""

LEAST_NORMAL = 2.0**-14
"""Of float16: below it, units in the last place shrink no more."""

CHANGED_ANSWERS = 0.05
"""Of outputs that are whole numbers, such as classes, so many may change where scores tie."""

NOTEWORTHY_LOSS = 0.001
"""Of a metric that is not made of hits: any rounding changes it by a little, for certain."""

_ORDER: tuple[Verdict, ...] = ("same", "rounds differently", "not known", "differs", "wrong")
_AGAINST = ("agreement", "relative error", "correlation")


def compare(
    name: str,
    device: Array,
    here: Array,
    *,
    step: float | None = None,
    in_integers: bool = False,
    reading: Reading | None = None,
) -> OutputAgreement:
    """One output of a device beside this machine's.

    Args:
        name: of the output, as messages call it.
        device: real values, or whole numbers that stand for themselves; (samples, …).
        here: alike.
        step: of the quantization that the values went through last; None is none.
        in_integers: the model computes in 8 bits, wholly or in part.
        reading: how the output is read, where that is known.
    """
    if here.dtype.kind in "biu":
        return _compare_whole(name, device, here)
    width = here.shape[-1] if here.ndim > 1 else 1
    device, here = (np.asarray(each, np.float64).reshape(len(here), -1) for each in (device, here))
    told = np.isfinite(here)  # what is not finite here says nothing of the device
    agreement = _agreement(device, here, reading)
    bound = INTEGER_BOUND if in_integers else FLOAT_BOUND
    level = _rms(here[told])
    with np.errstate(over="ignore", invalid="ignore"):
        off = np.where(told, device - here, 0.0)
        figures = (agreement, _correlation(device, here), _ratio(_rms(off), level))
    here = np.where(told, here, 0.0)
    reason = _not_finite(device, told) or _dead(device, here, max(step or 0.0, bound * level))
    if reason:
        return OutputAgreement(name, "wrong", reason, *figures)
    device = np.where(told, device, 0.0)
    floor = max(step or 0.0, (bound / 2 if in_integers else 2.0**-16) * level)
    if _of_others(device, here, floor):
        return OutputAgreement(name, "differs", "answers to other samples", *figures)
    if _is_same(off, here, level, step):
        return OutputAgreement(name, "same", "", *figures)
    left = _unexplained(off, here, step)
    reasons = [*_differences(left, here, level, bound)]
    if not reasons:
        # What is far below the largest values, rounding may take away altogether.
        floor = (INTEGER_BOUND if in_integers else ULP / 2) * level
        reasons = [*_channels(left.reshape(-1, width), here.reshape(-1, width), bound, floor)]
    reason = "; ".join(reasons)
    return OutputAgreement(name, "differs" if reason else "rounds differently", reason, *figures)


def judge(outputs: Sequence[OutputAgreement], scores: Sequence[Score]) -> tuple[Verdict, str]:
    """All outputs together, and what they lose: the worst verdict, and why.

    Args:
        outputs: of :func:`compare`.
        scores: of the device, each with its loss against this machine's answers.
    """
    worst = max(outputs, key=lambda each: _ORDER.index(each.verdict)).verdict
    several = len(outputs) > 1
    reasons = [
        f"output {each.output}: {each.reason}" if several else each.reason
        for each in outputs
        if each.verdict == worst and each.reason
    ]
    lost = [text for score in scores if (text := _lost(score))]
    if worst != "wrong" and lost:
        return "differs", "; ".join([*lost, *reasons])
    return worst, "; ".join(reasons)


def _lost(score: Score) -> str:
    """What is lost for certain, in words; empty where nothing is."""
    if score.metric in _AGAINST or score.loss is None or score.loss_low is None:
        return ""
    least = 1e-9 if score.hits else FLOAT_BOUND if score.loss_is_relative else NOTEWORTHY_LOSS
    if score.loss_low <= least:
        return ""
    unit = "%" if score.loss_is_relative else "points"
    return f"{score.loss * 100:.2f} {unit} of {score.label} lost for certain"


def _compare_whole(name: str, device: Array, here: Array) -> OutputAgreement:
    """Outputs that are whole numbers, such as classes: they are the same ones, or others."""
    device, here = (np.asarray(each).reshape(len(here), -1) for each in (device, here))
    same = device == here
    agreement = float(same.mean())
    if agreement == 1.0:
        return OutputAgreement(name, "same", "", agreement)
    for what, level in (("zero", 0), ("the same number", device.flat[0])):
        if (device == level).all() and not (here == here.flat[0]).all():
            return OutputAgreement(name, "wrong", f"all answers are {what}", agreement)
    low, _ = proportion_interval(np.count_nonzero(~same), same.size)
    if low <= CHANGED_ANSWERS:
        return OutputAgreement(name, "rounds differently", "", agreement)
    reason = f"{1 - agreement:.1%} of its whole numbers are others"
    return OutputAgreement(name, "differs", reason, agreement)


def _not_finite(device: Array, told: Array) -> str:
    for what, test in (("NaN", np.isnan), ("infinite values", np.isinf)):
        found = np.asarray((test(device) & told).any(axis=1))
        if found.any():
            return f"{what} in {_of(found)}"
    return ""


def _dead(device: Array, here: Array, tolerance: float) -> str:
    """Zeros, or one answer to everything, where this machine has others; empty where alive."""
    zero = np.asarray(~device.any(axis=1) & here.any(axis=1))
    if zero.all():
        return f"all zero in {_of(zero)}"
    zero &= np.abs(here).max(axis=1) > SAMPLE_FACTOR * tolerance
    if zero.any():
        return f"all zero in {_of(zero)}"
    for axis, words in ((0, "the same answer to all samples"), (1, "one value in all places")):
        constant = device.shape[axis] > 1 and not np.ptp(device, axis=axis).any()
        if constant and np.ptp(here, axis=axis).max() > 2 * tolerance:
            return f"constant: {words}"
    return ""


def _of_others(device: Array, here: Array, floor: float) -> bool:
    """Whether answers vary from sample to sample as much as here, and have nothing to do with it.

    So do those of another order, however close together they all lie. Rounding that is as large as
    what varies adds to it, or takes it away; what it leaves still goes along with it.
    """
    mine, theirs = device - device.mean(axis=0), here - here.mean(axis=0)
    if len(here) < 4 or _rms(theirs) <= floor:
        return False
    level = float((theirs * theirs).sum())
    as_much = 0.25 < float((mine * mine).sum()) / level < 4.0
    return as_much and float((mine * theirs).sum()) / level < 0.25


def _is_same(off: Array, here: Array, level: float, step: float | None) -> bool:
    """Equal up to float32's own rounding; what is quantized last is equal or a step apart."""
    limit = SAME * np.maximum(np.abs(here), level)
    return bool((np.abs(off) <= (np.minimum(limit, 0.25 * step) if step else limit)).all())


def _unexplained(off: Array, here: Array, step: float | None) -> Array:
    """What is left of differences when one step, or one unit in float16's last place, is taken."""
    explained = step * 1.001 if step else ULP * np.maximum(np.abs(here), LEAST_NORMAL)
    left: Array = np.sign(off) * np.maximum(np.abs(off) - explained, 0.0)
    return left


def _differences(left: Array, here: Array, level: float, bound: float) -> Iterator[str]:
    """Why the differences that are left are more than rounding; nothing where they are not."""
    if level == 0.0:
        if left.any():
            yield "values where this machine has zeros alone"
        return
    error = _rms(left) / level
    if error > bound:
        yield f"outputs apart: relative error {error:.2g}, rounding explains {bound:.2g}"
    spread = float(here.std())
    found = _correlation(here + left, here)
    least = spread / math.hypot(spread, bound * level)
    if found is not None and found < least:
        yield f"correlation {found:.4g}, rounding explains {least:.4g}"
    gain = float((left * here).sum() / (here * here).sum())
    # The gain of independent errors is as far off as their mean; a sample's own may go together.
    chance = 4 / math.sqrt(len(here))
    if abs(gain) > max(GAIN_BOUND, chance * error):
        yield f"all values are {1 + gain:.3f} times those here"
    if spread > 0:
        varying = here - here.mean()
        gain = float((left * varying).sum() / (varying * varying).sum())
        if abs(gain) > max(2 * GAIN_BOUND, chance * float(left.std()) / spread):
            yield f"values vary {1 + gain:.3f} times as here"
    alone = _rms_along(left, 1) / np.maximum(_rms_along(here, 1), level)
    if (alone > SAMPLE_FACTOR * bound).any():
        yield f"{_of(alone > SAMPLE_FACTOR * bound)} answered otherwise"


def _channels(left: Array, here: Array, bound: float, floor: float) -> Iterator[str]:
    """The channels that are answered otherwise, of an output that is right on the whole."""
    if here.shape[1] < 2 or len(here) < 2:
        return
    apart = _rms_along(left, 0) > np.maximum(CHANNEL_FACTOR * bound * _rms_along(here, 0), floor)
    if apart.any():
        yield f"{np.count_nonzero(apart):,} of {apart.size:,} channels answered otherwise"


def _agreement(device: Array, here: Array, reading: Reading | None) -> float | None:
    """The share of samples, or positions, that are given the same class."""
    if reading is None or reading.kind not in ("classes", "unit"):
        return None
    width = reading.classes if reading.kind == "classes" else 1
    with np.errstate(invalid="ignore"):
        pair = [reading.answers(each.reshape(-1, width)) for each in (device, here)]
    finite = np.isfinite(device.reshape(-1, width)).all(axis=1)
    return float(((pair[0] == pair[1]) & finite).mean())


def _correlation(device: Array, here: Array) -> float | None:
    x, y = device.ravel(), here.ravel()
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    x, y = x - x.mean(), y - y.mean()
    size = math.sqrt(float((x * x).sum()) * float((y * y).sum()))
    return float((x * y).sum() / size) if size > 0 and math.isfinite(size) else None


def _rms(values: Array) -> float:
    return math.sqrt(float((values * values).mean())) if values.size else 0.0


def _rms_along(values: Array, axis: int) -> Array:
    found: Array = np.sqrt((values * values).mean(axis=axis))
    return found


def _ratio(error: float, level: float) -> float | None:
    ratio = error / level if level > 0 else math.nan
    return ratio if math.isfinite(ratio) else None


def _of(samples: Array) -> str:
    """``12 of 2,000 samples``."""
    return f"{np.count_nonzero(samples):,} of {samples.size:,} samples"
