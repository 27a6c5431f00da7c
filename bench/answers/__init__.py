"""What a device answers to test samples, held against this machine's answers by the same file.

Latency says nothing of whether a delegate computes the model at all. So each variant is also run on
samples where it is measured, with what it is measured with, and a verdict tells rounding from
nonsense (``bench.metrics.agreement``).

Each variant draws samples of its own, in an order of its own: what an earlier process has left
behind can never pass for its answers. The first sample is answered alone, as launches are run; the
others in batches where the file can take them, else one by one, and then only a few.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from bench import metrics
from bench.answers.amounts import batches, one_by_one, samples_to_ask
from bench.answers.reference import Reference, answer_here, to_real_values
from bench.data import Data, Split
from bench.errors import LOST_CLASSES, BenchError, LaunchError, TransientLaunchError
from bench.metrics import Arrays, Wanted, agreement
from bench.metrics.endings import probabilities, steps
from bench.metrics.values import DeviceAnswers
from bench.targets import AnsweringTarget, Progress, Questions, RawAnswers, Target
from bench.tflite.entries import entry_of
from bench.values import Launch, Plan, Variant, utc_now

HINT = (
    "do not ship it so: try another --delegate (none, xnnpack), on a GPU full precision "
    "(--tool-arg=--gpu_precision_loss_allowed=false), or a newer benchmark_model"
)

_FINAL = (*LOST_CLASSES, "unknown_flag", "disk_full")
"""Faults that are the same with other batches."""


class Examiner:
    """Asks targets for their answers.

    Args:
        data: with test samples as the baseline's inputs take them.
        baseline: whose outputs labels and metrics are named by.
        plan: how much is asked, and how launches are run.
        wanted: metrics asked for, see ``bench.metrics``; what the labels ask for else.
    """

    def __init__(
        self, data: Data, baseline: Variant, plan: Plan, wanted: Wanted | None = None
    ) -> None:
        assert data.test is not None
        self._test = data.test
        self._baseline = baseline
        self._plan = plan
        self._wanted = wanted

    def __call__(
        self, target: Target, variant: Variant, launches: Sequence[Launch], progress: Progress
    ) -> DeviceAnswers | None:
        """Ask one target about one variant.

        Args:
            target: entered and prepared.
            variant: that was launched there.
            launches: of it, which tell how long a sample takes.
            progress: told what is done.

        Returns:
            The verdict, ``not known`` where there are no answers; None of a target that cannot be
            asked at all, such as this machine.

        Raises:
            LaunchError: the target is lost.
        """
        if not hasattr(target, "answers") or not launches or self._plan.phone_samples == 0:
            return None
        started_at = utc_now()
        begin = time.perf_counter()
        try:
            found = self._ask(cast("AnsweringTarget", target), variant, launches[0], progress)
        except BenchError as error:
            if getattr(error, "error_class", "") in LOST_CLASSES:
                raise
            found = DeviceAnswers("", "", 0, "not known", error.message, error.hint)
        return replace(
            found,
            variant=variant.name,
            target=target.id,
            wall_s=time.perf_counter() - begin,
            started_at=started_at,
        )

    def _ask(
        self, target: AnsweringTarget, variant: Variant, launch: Launch, progress: Progress
    ) -> DeviceAnswers:
        drawn = self._draw(
            variant, target.id, samples_to_ask(self._plan, variant, launch, len(self._test))
        )
        progress(f"{variant.name}: answers of this machine to {len(drawn)} samples")
        reference = answer_here(variant, drawn)
        processes = batches(self._plan, variant, reference, launch, len(drawn))
        try:
            raw, samples = self._answers(target, variant, reference, processes, progress)
        except LaunchError as error:
            if max(processes) <= reference.least or error.error_class in _FINAL:
                raise
            # Delegates refuse batches that the file itself would take.
            processes = one_by_one(self._plan, reference.least, launch, len(drawn))
            raw, samples = self._answers(target, variant, reference, processes, progress)
        drawn = drawn.take(slice(0, samples))
        if raw.fault:
            hint = f"free storage there, or use another benchmark_model; else {HINT}"
            return DeviceAnswers("", "", samples, "wrong", raw.fault, hint, processes=raw.processes)
        here = {name: values[:samples] for name, values in reference.outputs.items()}
        device = {
            form.name: to_real_values(values, reference.details[form.name])
            for form, values in zip(reference.forms, raw.outputs, strict=True)
        }
        device = {name: device[name] for name in here}
        return replace(self._judge(variant, device, here, drawn), processes=raw.processes)

    def _answers(
        self,
        target: AnsweringTarget,
        variant: Variant,
        reference: Reference,
        processes: tuple[int, ...],
        progress: Progress,
    ) -> tuple[RawAnswers, int]:
        """What the target answers, and to how many samples. Raises LaunchError."""
        samples = min(len(reference.inputs[0]), sum(processes))
        inputs = tuple(values[:samples] for values in reference.inputs)
        questions = Questions(inputs, reference.forms, processes)
        return self._patiently(target, variant, questions, progress), samples

    def _judge(self, variant: Variant, device: Arrays, here: Arrays, drawn: Split) -> DeviceAnswers:
        """The verdict on answers to the samples drawn."""
        names = self._names(variant, here)
        outer = {names[name]: values for name, values in here.items()}
        known = probabilities(variant.path, variant.signature)
        chosen = metrics.choose(
            outer,
            drawn.y,
            wanted=self._wanted,
            probabilities={names[name]: value for name, value in known.items() if name in names},
        )
        readings = {each.output or next(iter(outer)): each.reading for each in chosen}
        facts = variant.facts
        kinds = facts.arithmetic if facts is not None else {}
        in_integers = bool(kinds.get("int8", 0) + kinds.get("hybrid", 0))
        step = steps(variant.path, variant.signature)
        outputs = tuple(
            agreement.compare(
                names[name] if len(here) > 1 else "",
                device[name],
                values,
                step=step.get(name),
                in_integers=in_integers,
                reading=readings.get(names[name]),
            )
            for name, values in here.items()
        )
        with np.errstate(all="ignore"):  # NaN and infinite values are what is looked for
            renamed = {names[name]: values for name, values in device.items()}
            scores = metrics.score(renamed, drawn.y, chosen, baseline=outer)
        verdict, reason = agreement.judge(outputs, scores)
        hint = HINT if reason else ""
        return DeviceAnswers("", "", len(drawn), verdict, reason, hint, outputs, scores)

    def _names(self, variant: Variant, here: Arrays) -> dict[str, str]:
        """What the baseline calls each output: by name, else in their order."""
        theirs = entry_of(self._baseline.path, self._baseline.signature).outputs_in_order()
        if set(theirs) == set(here):
            return {name: name for name in here}
        mine = entry_of(variant.path, variant.signature).outputs_in_order()
        return dict(zip(mine, theirs, strict=False))

    def _draw(self, variant: Variant, target: str, count: int) -> Split:
        """Samples of this variant's own, in an order of its own."""
        words = f"{self._plan.seed} {variant.name} {variant.sha256} {target}"
        seed = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big")
        order = np.random.default_rng(seed).permutation(len(self._test))
        return self._test.take(order[:count])

    def _patiently(
        self, target: AnsweringTarget, variant: Variant, questions: Questions, progress: Progress
    ) -> RawAnswers:
        """The answers, asked for again where that may help."""
        for _ in range(self._plan.retries):
            try:
                return target.answers(variant, questions, progress)
            except TransientLaunchError as error:
                progress(f"{variant.name}: asking again ({error.message})")
        return target.answers(variant, questions, progress)
