"""Every kind of model with every technique: it works, or one true line refuses it.

*Works* means: built, verified, run by the interpreter, and answering as the float32 file of the
same model does. Models and data are made by ``make_zoo.py``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench import build, recipes, sources
from bench.build import builder
from bench.build.process import BuildProcess
from bench.data import Data
from bench.inputs import fit, specs_of
from bench.values import Failure, StepProgress, Variant
from bench.workers.client import Answer
from bench.workers.interpreter import LoadedModel, to_input, to_real

pytest.importorskip("tensorflow", reason="needs the extra [build]")

BUILDS_PER_PROCESS = 90
"""The converter keeps some 10 MB of each."""

ANSWERED = 12
"""Samples that each file is asked."""

SHORT = ",epochs=1,batch=16,lr=1e-5"
"""So little training that a trained file still answers as the model did."""

UNTRAINED = recipes.DEFAULTS[1:]
TECHNIQUES = ("prune", "cluster", "channels", "qat")
RECIPES = {
    "prune": f"prune:0.1{SHORT}+quantize:int8",
    "cluster": f"cluster:16{SHORT}",
    "channels": f"channels:0.1,multiple=1{SHORT}",
    "qat": f"qat{SHORT}",
}

ALIKE = {"quantize:int8": 0.97, "prune": 0.95, "cluster": 0.85, "channels": 0.95, "qat": 0.95}
"""Least correlation with float32's answers; of all others 0.999."""

REFUSED = {
    ("attention", "quantize:int8"): "no int8 form of NEG (layer layer_normalization)",
    ("attention", "quantize:int16x8"): "no int16x8 form of NEG (layer layer_normalization)",
    ("dict_inputs", "quantize:int16x8"): "no int16x8 form of word",
    ("lstm", "channels"): "no channels that can be removed",
    ("gru", "channels"): "no channels that can be removed",
    ("squeeze_excite", "quantize:int16x8"): "no int16x8 form of HARD_SWISH (layer activation",
    ("stateful", "quantize:int8"): "cannot quantize a loop (WHILE of layer memory)",
    ("stateful", "quantize:int16x8"): "cannot quantize a loop (WHILE of layer memory)",
    **{("stateful", name): "layer memory (LSTM) is stateful" for name in RECIPES},
    ("tokens", "channels"): "no channels that can be removed",
    ("sequences", "channels"): "no channels that can be removed",
    ("each_step", "channels"): "no channels that can be removed",
}
"""Kind of model and technique to a part of the one line that says why not."""

KINDS = (
    *("preprocessing", "lstm", "gru", "stateful", "each_step", "sequential", "two_heads"),
    "listed_heads",
    *("dict_inputs", "tokens", "segmentation", "any_size", "half_precision", "operations"),
    *("squeeze_excite", "sequences", "attention", "nested"),
)


@dataclass(frozen=True)
class Lent:
    """One building process for all kinds: most of a small model's time goes into its start."""

    process: BuildProcess

    @property
    def refuses_all(self) -> bool:
        return self.process.refuses_all

    def ask(self, job: Mapping[str, Any], label: str, progress: StepProgress) -> Answer:
        return self.process.ask(job, label, progress)

    def close(self) -> None:
        """Nothing: the next kind goes on with it."""


@dataclass(frozen=True)
class Zoo:
    """The models, and what has been built of them."""

    folder: Path
    outcomes: dict[str, dict[str, Variant | Failure]]

    def of(self, kind: str) -> dict[str, Variant | Failure]:
        """What became of each recipe, by its name here; built in one process, once."""
        if kind not in self.outcomes:
            source = sources.resolve(str(self.folder / f"{kind}.keras"))
            chosen = recipes.parse_all((*UNTRAINED, *RECIPES.values()))
            made = build.build(
                source,
                chosen,
                self.data(kind),
                data_source=str(self.folder / f"{kind}.npz"),
                seed=0,
                progress=lambda *_: None,
            )
            names = ("float32", *UNTRAINED, *RECIPES)
            self.outcomes[kind] = {
                name: item if isinstance(item, Failure) else item.variant
                for name, item in zip(names, made, strict=True)
            }
        return self.outcomes[kind]

    def data(self, kind: str) -> Data:
        source = sources.resolve(str(self.folder / f"{kind}.keras"))
        loaded = sources.load_data(source, str(self.folder / f"{kind}.npz"))
        assert loaded is not None
        return loaded


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    folder = tmp_path_factory.mktemp("zoo")
    script = Path(__file__).with_name("make_zoo.py")
    command = [sys.executable, str(script), str(folder)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert made.returncode == 0, made.stderr[-3000:]
    return Zoo(folder, {})


@pytest.fixture(scope="module")
def building(built_cache: Path) -> Iterator[BuildProcess]:
    log = built_cache / "zoo.log"
    process = BuildProcess("bench.build.worker", log, most_jobs=BUILDS_PER_PROCESS)
    yield process
    process.close()


@pytest.fixture(autouse=True)
def cached(built_cache: Path, building: BuildProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFLITE_BENCH_CACHE", str(built_cache))
    monkeypatch.setattr(builder, "BuildProcess", lambda *_, **__: Lent(building))


def answers(variant: Variant, data: Data) -> list[np.ndarray]:
    """Each output to each sample, one by one, in the order of the outputs' names."""
    fitted = fit(data, specs_of(variant, next(iter(variant.facts.signatures), None)))
    x = fitted.splits["test"].x
    graph = LoadedModel(str(variant.path), threads=1)
    for name, values in x.items():
        graph.resize(name, (1, *values.shape[1:]))
    graph.allocate()
    inputs, outputs = graph.inputs(), graph.outputs()
    given: dict[str, list[np.ndarray]] = {name: [] for name in sorted(outputs)}
    for place in range(ANSWERED):
        graph.forget()
        graph.feed(
            {name: to_input(x[name][place : place + 1], one) for name, one in inputs.items()}
        )
        graph.run()
        for name, answer in graph.answers().items():
            given[name].append(to_real(answer, outputs[name])[0])
    return [np.array(each).ravel() for each in given.values()]


def output_names(variant: Variant) -> set[str]:
    """By the file's signature; empty where the converter made none, as it may after ``qat``."""
    signatures = variant.facts.signatures.values()
    return {port.name for signature in signatures for port in signature.outputs}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("lstm", {"output_0"}),
        ("two_heads", {"kind", "size"}),
        ("listed_heads", {"kind", "bulk"}),
    ],
)
def test_outputs_are_called_as_their_labels(kind: str, names: set[str], zoo: Zoo) -> None:
    assert output_names(zoo.of(kind)["float32"]) == names


@pytest.mark.parametrize("technique", [*UNTRAINED, *TECHNIQUES])
@pytest.mark.parametrize("kind", KINDS)
def test_it_works_or_one_true_line_refuses_it(kind: str, technique: str, zoo: Zoo) -> None:
    outcome = zoo.of(kind)[technique]
    if (kind, technique) in REFUSED:
        assert isinstance(outcome, Failure), "it works: take it out of the table"
        assert REFUSED[kind, technique] in outcome.message
        assert outcome.hint
        assert "\n" not in outcome.message + outcome.hint
        for named in set(re.findall(r"quantize:[\w,=]+\w", outcome.hint)) & set(UNTRAINED):
            assert isinstance(zoo.of(kind)[named], Variant), f"its hint names {named}, which fails"
        return
    assert isinstance(outcome, Variant), outcome
    base = zoo.of(kind)["float32"]
    assert isinstance(base, Variant), base
    int8 = zoo.of(kind)["quantize:int8"]
    if technique == "qat" and isinstance(int8, Variant):  # also where it trained a part alone
        assert outcome.facts.int8_share >= int8.facts.int8_share
    if names := output_names(outcome):
        assert names == output_names(base), "an app finds its outputs no more"
    expected, found = answers(base, zoo.data(kind)), answers(outcome, zoo.data(kind))
    assert len(expected) == len(found)
    for one, other in zip(expected, found, strict=True):
        assert np.corrcoef(one, other)[0, 1] >= ALIKE.get(technique, 0.999)
