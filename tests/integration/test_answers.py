"""Real models answered by other kernels, and through float16: rounding raises no alarm."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from bench import build
from bench.answers import Examiner
from bench.data import from_arrays
from bench.inputs.launches import feed
from bench.targets import Questions, RawAnswers
from bench.values import Plan
from bench.workers.interpreter import LoadedModel
from tests import examples
from tests.fake_target import FakeTarget

REPO = Path(__file__).parents[2]
NAMES = (
    *("mobilenet_v1-float32", "mobilenet_v1-int8", "mobilenet_v2-float32", "dense-float32"),
    *("dense-dynamic", "dense-int8", "regression-float32", "regression-float16"),
    *("segmentation-float32", "segmentation-int8", "sequence-float32", "two_heads-float32"),
    *("two_heads-int8", "embedding-float32", "super_resolution-float32", "super_resolution-int8"),
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A folder with all files and their samples."""
    folder = tmp_path_factory.mktemp("answering")
    maker = REPO / "tests" / "integration" / "make_answering_models.py"
    subprocess.run([sys.executable, maker, folder], check=True, capture_output=True)
    return folder


class OtherKernels(FakeTarget):
    """A target that answers by the interpreter's own kernels, without XNNPACK.

    Args:
        change: of each float output.
    """

    def __init__(self, change=lambda values: values):
        super().__init__("adb:1")
        self._change = change

    def answers(self, variant, questions: Questions, progress) -> RawAnswers:
        graph = LoadedModel(
            str(variant.path), threads=1, delegate="none", signature=variant.signature
        )
        names = [each.name for each in variant.inputs]
        parts, start = [], 0
        for size in questions.batches:
            index = np.minimum(np.arange(start, start + size), len(questions) - 1)
            taken = [values[index] for values in questions.inputs]
            for name, values in zip(names, taken, strict=True):
                graph.resize(name, values.shape)
            graph.allocate()
            graph.feed(dict(zip(names, taken, strict=True)))
            graph.run()
            found = graph.answers()
            parts.append([found[form.name] for form in questions.outputs])
            start += size
        outputs = [np.concatenate(each)[: len(questions)] for each in zip(*parts, strict=True)]
        changed = (self._change(v) if v.dtype.kind == "f" else v for v in outputs)
        return RawAnswers(tuple(changed), processes=len(parts))


def verdict_of(folder, name, target):
    data = from_arrays(name, dict(np.load(folder / f"{name}.npz")))
    fed = feed(build.ready([folder / f"{name}.tflite"]), Plan(), data)
    assert fed.data is not None
    launch = examples.launch(name, target="adb:1")
    return Examiner(fed.data, fed.variants[0], Plan())(target, fed.variants[0], [launch], print)


def through_float16(values):
    return values.astype(np.float16).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_other_kernels_raise_no_alarm(models, name):
    found = verdict_of(models, name, OtherKernels())
    assert found.verdict in ("same", "rounds differently"), found


@pytest.mark.parametrize("name", NAMES)
def test_outputs_through_float16_raise_no_alarm(models, name):
    found = verdict_of(models, name, OtherKernels(through_float16))
    assert found.verdict in ("same", "rounds differently"), found


VARYING = [name for name in NAMES if not name.startswith("mobilenet")]
"""Models whose answers vary by more than float32's rounding, though nobody trained them."""


@pytest.mark.parametrize("name", VARYING)
def test_another_order_of_samples_is_caught(models, name):
    found = verdict_of(models, name, OtherKernels(lambda values: np.roll(values, 1, axis=0)))
    assert found.is_bad, found


def test_they_are_many_and_of_every_arithmetic(models):
    kinds = Counter(name.rpartition("-")[2] for name in NAMES)
    assert kinds.keys() == {"float32", "float16", "dynamic", "int8"}
    assert {f"{name}.tflite" for name in NAMES} == {path.name for path in models.glob("*.tflite")}
