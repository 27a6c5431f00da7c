"""For tests of your own: a target that launches nothing and answers at once.

::

    from bench.testing import FakeTarget

    def test_my_script(tmp_path):
        target = FakeTarget(latencies_us={"float32": 100.0, "quantize:int8": 40.0})
        file = tmp_path / "run.jsonl"
        report = bench.run("model.keras", ["quantize:int8"], targets=target, report=file)
        assert report.best().variant.name == "quantize:int8"
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from bench.errors import BenchError
from bench.targets import Progress
from bench.values import Environment, Latency, Launch, Variant, utc_now

SPREAD = 0.01
"""By how much launches of one variant differ, as a fraction of their latency."""


class FakeTarget:
    """A :class:`bench.targets.Target` whose latencies are given.

    Launches differ a little, by the variant and the block alone: the same again in each session.

    Args:
        target_id: what it is called in reports.
        latencies_us: of one inference, by the variant's name; others take 100 µs.
        errors: what launching a variant raises, by its name.
        runs: inferences per launch.

    Attributes:
        launched: variant and block of each launch that was asked for, in order.
    """

    def __init__(
        self,
        target_id: str = "fake",
        *,
        latencies_us: Mapping[str, float] | None = None,
        errors: Mapping[str, BenchError] | None = None,
        runs: int = 69,
    ) -> None:
        self._id = target_id
        self._latencies_us = dict(latencies_us or {})
        self._errors = dict(errors or {})
        self._runs = runs
        self.launched: list[tuple[str, int]] = []

    @property
    def id(self) -> str:
        """As it was given."""
        return self._id

    def __enter__(self) -> FakeTarget:
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def environment(self) -> Environment:
        """Nothing but its name."""
        return Environment(self._id, self._id.partition(":")[0], f"{self._id} (made up)")

    def prepare(self, variants: Sequence[Variant], progress: Progress) -> None:
        """Nothing is brought anywhere."""

    def launch(self, variant: Variant, block: int, progress: Progress) -> Launch:
        """A launch that took no time.

        Raises:
            BenchError: the one given for the variant.
        """
        self.launched.append((variant.name, block))
        if variant.name in self._errors:
            raise self._errors[variant.name]
        draw = random.Random(f"{variant.name} {block}")
        level_us = self._latencies_us.get(variant.name, 100.0) * (1 + draw.gauss(0, SPREAD))
        samples_ns = tuple(
            max(1, round(level_us * 1000 * (1 + abs(draw.gauss(0, SPREAD)))))
            for _ in range(self._runs)
        )
        ordered = sorted(samples_ns)
        return Launch(
            variant=variant.name,
            target=self._id,
            block=block,
            latency=Latency(
                runs=self._runs,
                mean_us=sum(samples_ns) / self._runs / 1000,
                median_us=ordered[self._runs // 2] / 1000,
                min_us=ordered[0] / 1000,
                max_us=ordered[-1] / 1000,
                samples_ns=samples_ns,
            ),
            started_at=utc_now(),
        )

    def cancel(self) -> None:
        """There is nothing to end."""
