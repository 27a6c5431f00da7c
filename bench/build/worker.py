"""Build variants of one model, in a process of its own: ``python -m bench.build.worker``.

Reads one job a line on standard input and answers each with any number of ``progress`` lines and
one ``built`` or ``error`` line. Standard output belongs to the answers alone: whatever a library
prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO

from bench import cache, inputs, recipes, sources, techniques
from bench.build import convert
from bench.build._names import with_plain_names
from bench.build._precision import in_float32
from bench.build._specs import specs_of_model
from bench.build.finish import finish
from bench.data import Data
from bench.errors import BenchError, BuildError, root_of, telling_line
from bench.techniques import Context, Work
from bench.tflite.facts import facts_of
from bench.values import Model, Recipe
from bench.workers import BUILD_LOG


def main() -> None:
    """Answer jobs until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user trains with
    loaded: dict[str, Any] = {}
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = _answer(job, loaded, answers)
        except BenchError as error:
            traceback.print_exc()  # into the log: a library's own words are longer than a line
            _say(
                answers,
                error=type(error).__name__,
                message=error.message,
                hint=error.hint,
                for_all=not loaded,
            )
        except MemoryError:
            _say(answers, error="BuildError", message="out of memory", hint="use a smaller batch=")
        except Exception as fault:  # a library's, a user's own layer's, or ours: the others go on
            traceback.print_exc()
            _say(answers, **_unforeseen(fault))
        else:
            _say(answers, **answer)


def _unforeseen(fault: Exception) -> dict[str, str]:
    """What is said of an exception that no one has given words to; TensorFlow may be out of memory.

    TensorFlow's errors are told by name, since nothing of it need be imported yet.
    """
    kind, line = type(fault).__name__, telling_line(root_of(fault))
    if kind == "ResourceExhaustedError":
        return {"error": "BuildError", "message": "out of memory", "hint": "use a smaller batch="}
    said = line if line == kind else f"{kind}: {line}"
    hint = f"all of its words are in {BUILD_LOG}"
    return {"error": "BuildError", "message": f"building failed ({said})", "hint": hint}


def _answer(job: dict[str, Any], loaded: dict[str, Any], answers: TextIO) -> dict[str, Any]:
    """Build what is asked for, or look at the model without building anything."""
    if loaded.get("source") != job["model"]:
        loaded.clear()
        loaded |= _load(job) | {"source": job["model"]}
    context = Context(
        data=loaded["data"],
        seed=job["seed"],
        folder=Path(job["folder"]),
        progress=lambda what, done, total: _say(answers, progress=[what, done, total]),
    )
    if job.get("look") == "layout":
        return {"found": techniques.layout(loaded["model"], context)}
    if job.get("look") == "speed":
        return {"found": techniques.epoch_seconds(loaded["model"], context, job["batch"])}
    if job.get("look") == "sensitivity":
        return {"found": techniques.sensitivity(loaded["model"], context, job["samples"])}
    return {"built": _build(job, loaded, context)}


def _build(job: dict[str, Any], loaded: dict[str, Any], context: Context) -> dict[str, Any]:
    """Build one recipe and write its .tflite; the facts are what its steps found out."""
    recipe = recipes.parse(job["recipe"])
    samples: Data | None = context.data
    work = _take_steps(recipe, Work.of(loaded["model"]), context)
    calibration = None
    if work.conversion.calibrates:
        if samples is None:
            raise BuildError(
                f"{recipe} needs samples to calibrate on", hint="give --data with x_calibration"
            )
        drawn = samples.calibration(convert.CALIBRATION_SAMPLES, job["seed"])
        calibration = inputs.cast_split(drawn, loaded["specs"])
    context.progress("converting", 0, 1)
    converted = convert.convert(work, calibration, job["signature"])
    facts = {**work.facts, **({"convert": dict(converted.facts)} if converted.facts else {})}
    if work.conversion.strip:
        _verify_named(recipe, facts, converted.content)
    content, told = finish(converted.content, work.conversion)
    cache.write(Path(job["out"]), content)
    return {**facts, **told}


def _verify_named(recipe: Recipe, facts: dict[str, Any], content: bytes) -> None:
    """Hold the file against its recipe while kernels have names; without, some are mistaken."""
    found = facts_of(content)
    work = Work(model=None, done=recipe.steps, facts=facts)
    for step in recipe.steps:
        technique = recipes.technique(step.technique)
        if not getattr(technique, "FINISHES", False):
            technique.verify(step, work, found)


def _load(job: dict[str, Any]) -> dict[str, Any]:
    """The model, and the samples as it takes them: what does not fit is told before any work."""
    source = Model(**job["model"])
    if job.get("modules"):
        sys.path.insert(0, job["modules"])
    data = sources.load_data(source, job["data"])
    model = with_plain_names(in_float32(sources.load(source)))
    specs = specs_of_model(model, job["signature"])
    fitted = inputs.fit(data, specs) if data is not None and specs else data
    return {"model": model, "data": fitted, "specs": specs}


def _take_steps(recipe: Recipe, work: Work, context: Context) -> Work:
    for step in recipe.steps:
        work = recipes.technique(step.technique).apply(step, work, context)
    return work


def _say(answers: TextIO, **answer: Any) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
