"""Verdicts on a device's answers: rounding is told from nonsense, one sample or channel too."""

from __future__ import annotations

import numpy as np
import pytest

from bench.metrics import agreement
from bench.metrics.reading import Reading
from bench.metrics.values import OutputAgreement, Score

DRAW = np.random.default_rng(0)
LABELS = DRAW.integers(0, 10, 300)
CLASSES = Reading("classes", 10, "numbers")


def probabilities():
    """Of 300 samples: most are certain, some are not."""
    logits = DRAW.normal(0, 1.5, (300, 10))
    logits[np.arange(300), LABELS] += 6
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (grown / grown.sum(axis=1, keepdims=True)).astype(np.float32)


OUTPUTS = {
    "probabilities": probabilities(),
    "numbers": DRAW.normal(100, 5, (300, 1)).astype(np.float32),
    "embedding": np.maximum(DRAW.normal(0, 1, (300, 64)), 0).astype(np.float32),
    "pictures": DRAW.random((12, 32, 32, 3)).astype(np.float32),
}


def without_a_row(x):
    x[-1] = 0
    return x


def nan_in_one(x):
    x.reshape(len(x), -1)[5, 0] = np.nan
    return x


def swapped(x):
    """Two channels, or two samples where there is one channel."""
    if x.shape[-1] == 1:
        low, high = int(x.argmin()), int(x.argmax())
        x[[low, high]] = x[[high, low]]
        return x
    x[..., [0, 1]] = x[..., [1, 0]]
    return x


SPOILT = {
    "NaN in one": ("wrong", nan_in_one),
    "infinite": ("wrong", lambda x: np.where(x > np.quantile(x, 0.99), np.inf, x)),
    "zeros": ("wrong", lambda x: x * 0),
    "a row of zeros": ("wrong", without_a_row),
    "half zero": ("wrong", lambda x: np.concatenate([x[: len(x) // 2] * 0, x[len(x) // 2 :]])),
    "constant": ("wrong", lambda x: np.broadcast_to(x[:1], x.shape)),
    "sign": ("differs", lambda x: -x),
    "order": ("differs", lambda x: np.roll(x, 1, axis=0)),
    "swapped": ("differs", swapped),
    "scaled": ("differs", lambda x: x * np.float32(1.02)),
    "shifted": ("differs", lambda x: x + np.float32(0.05 * np.abs(x).mean())),
    "logarithm": ("differs", lambda x: np.log(np.abs(x) + 1e-6)),
}

SOUND = {
    "itself": ("same", lambda x: x),
    "another order of sums": ("same", lambda x: x * np.float32(1 + 1e-6)),
    "float16": ("rounds differently", lambda x: x.astype(np.float16).astype(np.float32)),
    "noise of float16": ("rounds differently", lambda x: x * DRAW.normal(1, 3e-3, x.shape)),
}


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", SPOILT)
def test_what_is_spoilt_is_caught(output, name):
    verdict, spoil = SPOILT[name]
    here = OUTPUTS[output]
    found = agreement.compare("", np.asarray(spoil(here.copy()), np.float32), here)
    assert found.verdict == verdict, found
    assert found.reason


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("name", SOUND)
def test_what_is_sound_raises_no_alarm(output, name):
    verdict, change = SOUND[name]
    here = OUTPUTS[output]
    found = agreement.compare("", np.asarray(change(here.copy()), np.float32), here)
    assert (found.verdict, found.reason) == (verdict, ""), found


def quantized(values, step=1 / 256):
    return (np.rint(values / step) * step).astype(np.float32)


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        (lambda shape: 0, "same"),
        (lambda shape: 1, "rounds differently"),
        (lambda shape: DRAW.integers(-1, 2, shape), "rounds differently"),
        (lambda shape: 40, "differs"),
    ],
)
def test_a_step_of_a_quantized_output_is_rounding(steps, verdict):
    here = quantized(OUTPUTS["probabilities"])
    device = (here + np.float32(1 / 256) * steps(here.shape)).astype(np.float32)
    found = agreement.compare("", device, here, step=1 / 256, in_integers=True, reading=CLASSES)
    assert found.verdict == verdict, found


def test_8_bit_arithmetic_may_round_more_than_float16():
    here = OUTPUTS["embedding"]
    device = here + DRAW.normal(0, 0.03, here.shape).astype(np.float32)
    assert agreement.compare("", device, here, in_integers=True).verdict == "rounds differently"
    assert agreement.compare("", device, here).verdict == "differs"


def test_a_gain_is_no_rounding_however_coarse_the_arithmetic():
    here = OUTPUTS["embedding"]
    found = agreement.compare("", here * np.float32(1.02), here, in_integers=True)
    assert found.verdict == "differs"
    assert "1.02" in found.reason or "1.019" in found.reason


def test_a_channel_of_small_values_is_looked_at_by_itself():
    here = DRAW.uniform(0.2, 1, (100, 2)).astype(np.float32) * np.float32([1, 300])
    device = here.copy()
    device[:, 0] = 1.2 - device[:, 0]
    found = agreement.compare("", device, here)
    assert found.verdict == "differs"
    assert "1 of 2 channels" in found.reason


def test_a_spread_that_float16_cannot_hold_is_told_from_another_order():
    here = DRAW.normal(1000, 1, (300, 1)).astype(np.float32)
    rounded = here.astype(np.float16).astype(np.float32)
    assert agreement.compare("", rounded, here).verdict == "rounds differently"
    assert agreement.compare("", np.roll(here, 1, axis=0), here).verdict == "differs"


def test_answers_to_other_samples_are_told_however_close_they_lie():
    here = (0.1 + DRAW.normal(0, 1e-5, (40, 10))).astype(np.float32)
    assert agreement.compare("", np.roll(here, 1, axis=0), here).verdict == "differs"
    rounded = here.astype(np.float16).astype(np.float32)
    assert agreement.compare("", rounded, here).verdict == "rounds differently"
    noisy = here + DRAW.normal(0, 1e-5, here.shape).astype(np.float32)
    assert not agreement.compare("", noisy, here).reason


def test_whole_numbers_are_the_same_or_others():
    here = LABELS.astype(np.int64)
    few = here.copy()
    few[:3] += 1
    assert agreement.compare("", here, here).verdict == "same"
    assert agreement.compare("", few, here).verdict == "rounds differently"
    assert agreement.compare("", np.roll(here, 1), here).verdict == "differs"
    assert agreement.compare("", here * 0, here).verdict == "wrong"
    assert agreement.compare("", here * 0 + 4, here).verdict == "wrong"


def test_zeros_and_one_sample_are_compared_too():
    zeros = np.zeros((5, 3), np.float32)
    assert agreement.compare("", zeros, zeros).verdict == "same"
    assert agreement.compare("", zeros + 1, zeros).verdict == "differs"
    one = np.ones((1, 3), np.float32)
    assert agreement.compare("", one, one).verdict == "same"
    assert agreement.compare("", one * 2, one).verdict == "differs"
    # What is not finite here says nothing of the device.
    odd = np.array([[1.0, np.inf], [2.0, 3.0]], np.float32)
    assert agreement.compare("", odd, odd).verdict == "same"


def test_agreement_correlation_and_relative_error_are_those_of_all_values():
    here = OUTPUTS["probabilities"]
    device = here.copy()
    device[:30] = np.roll(device[:30], 1, axis=1)
    found = agreement.compare("", device, here, reading=CLASSES)
    assert found.agreement == pytest.approx(0.9)
    assert found.correlation == pytest.approx(np.corrcoef(device.ravel(), here.ravel())[0, 1])
    error = np.sqrt(((device - here) ** 2).mean() / (here**2).mean())
    assert found.relative_error == pytest.approx(error, rel=1e-5)


def output(verdict, reason="", name=""):
    return OutputAgreement(name, verdict, reason)


def score(loss, low, **changes):
    return Score("", "accuracy", 0.9, loss=loss, loss_low=low, hits="x", **changes)


def test_the_worst_output_decides_and_is_named():
    both = (output("same", name="kind"), output("differs", "apart", "where"))
    assert agreement.judge(both, ()) == ("differs", "output where: apart")
    assert agreement.judge((output("same"),), ()) == ("same", "")
    assert agreement.judge((output("wrong", "NaN"),), (score(0.5, 0.4),)) == ("wrong", "NaN")


def test_accuracy_lost_for_certain_makes_answers_differ():
    rounded = (output("rounds differently"),)
    assert agreement.judge(rounded, (score(0.01, -0.002),))[0] == "rounds differently"
    verdict, reason = agreement.judge(rounded, (score(0.01, 0.002),))
    assert (verdict, reason) == ("differs", "1.00 points of accuracy lost for certain")
