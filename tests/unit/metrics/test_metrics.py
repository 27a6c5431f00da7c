"""What is measured by what, and figures that anyone can compute by hand."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from bench import metrics
from bench.errors import DataError
from bench.metrics.intervals import pack, unpack

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 3, 40)
SCORES = np.eye(3)[CLASSES] * 0.8 + 0.2 / 3  # every answer is right
NUMBERS = RNG.normal(size=(40, 1))


def scored(outputs, labels=None, baseline=None, **asked):
    outputs = outputs if isinstance(outputs, dict) else {"out": outputs}
    baseline = {"out": baseline} if isinstance(baseline, np.ndarray) else baseline
    labels = {"": labels} if isinstance(labels, np.ndarray) else labels
    chosen = metrics.choose(baseline or outputs, labels, **asked)
    return {s.label: s for s in metrics.score(outputs, labels, chosen, baseline=baseline)}


@pytest.mark.parametrize(
    ("outputs", "labels", "names"),
    [
        (SCORES, CLASSES, ["accuracy"]),
        (SCORES, CLASSES[:, None], ["accuracy"]),
        (SCORES, CLASSES.astype(np.float32), ["accuracy"]),
        (SCORES, np.eye(3)[CLASSES], ["accuracy"]),
        (NUMBERS, CLASSES > 1, ["accuracy"]),
        (NUMBERS[:, 0], (CLASSES > 1)[:, None], ["accuracy"]),
        (SCORES, RNG.integers(0, 2, (40, 3)), ["label accuracy"]),
        (RNG.normal(size=(40, 5, 3)), RNG.integers(0, 3, (40, 5)), ["accuracy per step"]),
        (RNG.normal(size=(40, 4, 4, 3)), RNG.integers(0, 3, (40, 4, 4)),
         ["mean IoU", "pixel accuracy"]),
        (RNG.normal(size=(40, 4, 4, 1)), RNG.integers(0, 2, (40, 4, 4)),
         ["mean IoU", "pixel accuracy"]),
        (NUMBERS, NUMBERS[:, 0] + 1, ["R²", "RMSE", "MAE"]),
        (NUMBERS, CLASSES, ["R²", "RMSE", "MAE"]),
    ],
)  # fmt: skip
def test_labels_and_outputs_tell_what_is_measured(outputs, labels, names):
    found = scored(outputs, labels)
    assert list(found) == names
    assert [score.decides for score in found.values()] == [True, *[False] * (len(names) - 1)]
    for score in found.values():
        assert score.low <= score.value <= score.high


def test_without_labels_it_is_the_difference_to_the_baseline():
    noisy = SCORES + RNG.normal(0, 1e-3, SCORES.shape)
    assert list(scored(noisy, None, SCORES)) == ["agreement", "relative error", "correlation"]
    found = scored(NUMBERS * 1.1, None, NUMBERS)
    assert list(found) == ["relative error", "correlation"]  # no arg-max of an autoencoder
    assert found["relative error"].value == pytest.approx(0.1)
    assert found["relative error"].loss == pytest.approx(0.1)
    assert found["correlation"].value == pytest.approx(1.0)


def test_without_labels_each_head_is_held_against_its_own_baseline():
    theirs = {"kind": SCORES, "size": NUMBERS}
    outputs = {"kind": SCORES, "size": NUMBERS * 1.1}
    found = scored(outputs, None, theirs)
    assert list(found) == [
        *("kind agreement", "kind relative error", "kind correlation"),
        *("size relative error", "size correlation"),
    ]
    assert found["kind relative error"].value == pytest.approx(0)
    assert found["size relative error"].value == pytest.approx(0.1)


def test_figures_are_those_computed_by_hand():
    labels = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 6.0])
    output = np.array([[1.0], [1.0], [2.0], [3.0], [4.0], [4.0]])
    found = scored(output, labels)
    assert found["MAE"].value == pytest.approx(0.5)
    assert found["RMSE"].value == pytest.approx(np.sqrt(5 / 6))
    assert found["R²"].value == pytest.approx(1 - 5 / np.sum((labels - labels.mean()) ** 2))
    pixels = np.zeros((6, 1, 2, 2))
    pixels[..., 0] = 1  # always class 0
    right = np.zeros((6, 1, 2), int)
    right[:, 0, 1] = 1
    found = scored(pixels, right)
    assert found["mean IoU"].value == pytest.approx(0.25)
    assert found["pixel accuracy"].value == pytest.approx(0.5)
    right[:, 0, 1] = 255  # belongs to no class
    assert scored(pixels, right)["pixel accuracy"].value == 1.0


def test_a_lone_unit_is_cut_at_a_half_or_at_zero():
    labels = np.array([0, 1] * 10)
    output = np.where(labels == 1, 0.4, 0.1)[:, None]
    assert scored(output, labels)["accuracy"].value == 0.5
    assert scored(output, labels, probabilities={"out": False})["accuracy"].value == 0.5
    assert scored(output - 0.2, labels)["accuracy"].value == 1.0


@pytest.mark.parametrize("tail", [(), (1,), (5,), (4, 4, 1), (4, 4, 3)])
def test_numbers_that_come_near_to_yes_and_no_are_numbers(tail):
    """As of a model that cleans pictures of black and white: 0.1 would be a yes of a logit."""
    labels = RNG.integers(0, 2, (200, *tail)).astype(np.float32)
    near = labels + 0.2 * RNG.normal(size=labels.shape)
    assert list(scored(near, labels)) == ["R²", "RMSE", "MAE"]
    known = {"out": True}  # a sigmoid's, rounded in float16 or int8
    assert "R²" not in scored(np.clip(near, 0, 1), labels, probabilities=known)
    assert "R²" not in scored(np.clip(near, 0, 1), labels)
    for strength in (0.3, 1.0, 4.0):
        logits = strength * (2 * labels - 1) + 0.1 * RNG.normal(size=labels.shape)
        assert "R²" not in scored(logits, labels, probabilities={"out": False})


def test_rows_of_one_class_each_are_classes_however_a_model_was_trained():
    near = np.eye(3)[CLASSES] + 0.2 * RNG.normal(size=(40, 3))
    assert list(scored(near, np.eye(3)[CLASSES])) == ["accuracy"]


def test_what_was_lost_comes_from_paired_answers():
    worse = SCORES.copy()
    worse[:4] = np.roll(worse[:4], 1, axis=1)
    score = scored(worse, CLASSES, SCORES)["accuracy"]
    assert (score.lost, score.gained, score.loss) == (4, 0, 0.1)
    assert score.loss_low < 0.1 < score.loss_high
    np.testing.assert_array_equal(unpack(score.hits, 40), np.arange(40) >= 4)


def test_errors_are_lost_relative_to_the_baselines():
    labels = RNG.normal(size=40)
    noise = RNG.normal(size=(40, 1))
    found = scored(labels[:, None] + 1.2 * noise, labels, labels[:, None] + noise)
    assert found["RMSE"].loss == pytest.approx(0.2)
    assert found["RMSE"].loss_is_relative
    assert found["R²"].loss > 0


def test_each_head_has_its_own_metric():
    outputs = {"kind": SCORES, "size": NUMBERS}
    found = scored(outputs, {"kind": CLASSES, "size": NUMBERS[:, 0]}, outputs)
    assert [name for name, score in found.items() if score.decides] == ["kind accuracy", "size R²"]
    assert list(scored(outputs, {"size": NUMBERS}, outputs)) == ["size R²", "size RMSE", "size MAE"]


@pytest.mark.parametrize(
    ("outputs", "labels", "wanted", "words"),
    [
        (SCORES, np.full(40, 3), {}, "label 3 of sample 0, and the model has 3 classes"),
        (SCORES, np.full(40, -1), {}, "label -1 of sample 0"),
        (SCORES, np.zeros(39, int), {}, "39 labels, and the output has 40 rows"),
        (SCORES, RNG.normal(size=40), {}, "labels of shape ()"),
        ({"a": SCORES, "b": SCORES}, CLASSES, {}, "labels without a name"),
        ({"a": SCORES}, {"b": CLASSES}, {}, "labels for b"),
        (NUMBERS, None, {"": ["mae"]}, "mae needs labels"),
        (NUMBERS, NUMBERS, {"": ["accuracy"]}, "accuracy is not for the output"),
        (NUMBERS, NUMBERS, {"x": ["mae"]}, "a metric for x"),
        (NUMBERS, NUMBERS, {"": ["speed"]}, "no metric 'speed'"),
    ],
)
def test_what_does_not_fit_is_one_line(outputs, labels, wanted, words):
    with pytest.raises(DataError) as raised:
        scored(outputs, labels, wanted=wanted)
    assert words in raised.value.message


@pytest.fixture
def own(monkeypatch):
    module = types.ModuleType("own_metrics")
    module.each = lambda output, labels: 1.0 / (1.0 + np.abs(output[:, 0] - labels))
    module.one = lambda output, labels: float(np.mean(np.abs(output[:, 0] - labels)))
    module.one.lower_is_better = True
    module.wrong = lambda output, labels: np.zeros(3)
    module.fails = lambda output, labels: labels["no"]
    monkeypatch.setitem(sys.modules, "own_metrics", module)


@pytest.mark.usefixtures("own")
def test_a_function_of_the_users_gives_scores_or_one_figure():
    labels = RNG.normal(size=40)
    before, after = labels[:, None] + 0.1, labels[:, None] + np.linspace(0.1, 0.3, 40)[:, None]
    found = scored(after, labels, before, wanted={"": ["own_metrics:each", "own_metrics:one"]})
    assert found["each"].loss > 0
    assert not found["each"].loss_is_relative
    assert found["one"].value == pytest.approx(0.2)
    assert found["one"].loss == pytest.approx(1.0)
    assert found["one"].loss_low < 1.0 < found["one"].loss_high


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(("name", "words"), [("wrong", "returned shape"), ("fails", "failed (")])
def test_a_function_of_the_users_that_fails_is_one_line(name, words):
    with pytest.raises(DataError) as raised:
        scored(NUMBERS, NUMBERS[:, 0], wanted={"": [f"own_metrics:{name}"]})
    assert words in raised.value.message


def test_hits_are_packed_small():
    hits = RNG.random(2000) < 0.92
    text = pack(hits)
    assert len(text) < 400
    np.testing.assert_array_equal(unpack(text, 2000), hits)
    with pytest.raises(ValueError, match="other samples"):
        unpack(text, 100)
