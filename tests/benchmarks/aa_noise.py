"""Real noise: one file under two names, and a file that is truly slower, as Markdown.

``python -m tests.benchmarks.aa_noise [-t local | -t adb:SERIAL] [--set KEY=VALUE] [--seed N]``:
about eight minutes. Each session launches three variants in shuffled blocks, as ``bench run``
does: a convolution, the same file again, and one with more channels. Seeds are drawn anew unless
the first one is given: with the same ones each time, an effect of place would raise the same alarms
each time. Told are

- false alarms of the file against itself within a session (as ``vs float32`` in a table);
- false alarms of the file against itself in the session before (as ``bench compare``), which the
  noise *between* sessions adds to, and those beyond 5 % (as with ``--fail-above 5%``);
- how often the slower file is called slower, within a session and between two;
- what the place within a block does, and the alarms by place (``tests.benchmarks.place``).

On a machine that does other work meanwhile the second line shows what that does to a gate; how much
of the CPU others took is told with it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import secrets
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from bench import plugins, records
from bench.cli._parser import value
from bench.cli._shared import TargetArguments, add_target_arguments
from bench.measure import Job, measure
from bench.pipeline import choose
from bench.stats import stopping
from bench.stats.summary import compare_paired, compare_unpaired
from bench.targets import Target
from bench.values import Comparison, Environment, Failure, Launch, Model, Plan, Variant
from tests import tiny_models
from tests.benchmarks import place

LIMIT = 0.05
SIZE, CHANNELS, MORE_CHANNELS = 48, 64, 72

Session = Mapping[str, Sequence[Launch]]
"""Launches by the variant's name."""


@dataclass(frozen=True)
class Tally:
    """What many comparisons of two variants said."""

    comparisons: tuple[Comparison, ...]

    def count(self, verdict: str) -> int:
        """How many had that verdict."""
        return sum(comparison.verdict == verdict for comparison in self.comparisons)

    @property
    def alarms(self) -> int:
        """How many saw a difference."""
        return len(self.comparisons) - self.count("no clear change")

    @property
    def gated(self) -> int:
        """How many would have failed ``bench compare --fail-above 5%``."""
        return sum(stopping.gate(each, LIMIT) == "regression" for each in self.comparisons)

    @property
    def ratios(self) -> str:
        """Median and extremes."""
        ratios = [comparison.ratio for comparison in self.comparisons]
        return f"{np.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


def variants(folder: Path) -> tuple[Variant, ...]:
    """The file, the same under another name, and one with more channels."""
    return tuple(
        _variant(folder / f"{name}.tflite", tiny_models.conv(SIZE, channels))
        for name, channels in (("one", CHANNELS), ("again", CHANNELS), ("more", MORE_CHANNELS))
    )


def _variant(path: Path, content: bytes) -> Variant:
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    return Variant(path.stem, path, digest, len(content), len(zlib.compress(content)))


def sessions(
    open_target: Callable[[Plan], Target],
    files: tuple[Variant, ...],
    plans: Sequence[Plan],
    keep: Path | None,
) -> Iterator[tuple[Environment, Session]]:
    """One after the other, each as ``bench run`` measures it.

    Args:
        open_target: makes a target for a plan.
        files: the variants.
        plans: one per session.
        keep: a folder for reports that ``bench report`` and ``bench compare`` read.

    Raises:
        RuntimeError: a launch failed for good.
    """
    for number, plan in enumerate(plans, start=1):
        sys.stderr.write(f"\rsession {number} of {len(plans)}")
        sys.stderr.flush()
        launches: dict[str, list[Launch]] = {file.name: [] for file in files}
        environment = None
        target = open_target(plan)  # anew, for it is ended with its session
        for outcome in measure([target], Job(files, plan), lambda *_: None):
            if isinstance(outcome, Launch):
                launches[outcome.variant].append(outcome)
            elif isinstance(outcome, Environment):
                environment = outcome
            elif isinstance(outcome, Failure) and not outcome.discarded:
                raise RuntimeError(f"{outcome.message}: {outcome.hint}")
        assert environment is not None
        if keep is not None:
            _save(keep, number, plan, files, environment, launches)
        yield environment, launches
    sys.stderr.write("\r" + " " * 40 + "\r")


def _save(
    folder: Path,
    number: int,
    plan: Plan,
    files: tuple[Variant, ...],
    environment: Environment,
    launches: Session,
) -> None:
    target = environment.target
    session = records.Session(
        model=Model("noise", "tflite", "noise", ""),
        plan=plan,
        variants=files,
        targets=(target,),
        started_at=min(launch.started_at for each in launches.values() for launch in each),
    )
    path = folder / f"noise-{target.replace(':', '-')}-{number:02d}.jsonl"
    with records.Writer(path, session) as writer:
        for record in (environment, *(launch for each in launches.values() for launch in each)):
            writer.append(record)
        writer.append(records.End(0.0, 0.0))


def table(made: Sequence[Session]) -> Iterator[str]:
    """One line per kind of comparison."""
    within = {
        name: Tally(tuple(compare_paired(each["one"], each[name]) for each in made))
        for name in ("again", "more")
    }
    between = {
        name: Tally(
            tuple(compare_unpaired(before["one"], after[name]) for before, after in pairwise(made))
        )
        for name in ("one", "more")
    }
    yield "| compared | sessions | a difference seen | slower beyond 5 % for certain | ratio |"
    yield "|---|---|---|---|---|"
    for label, tally in (
        ("A/A: the same file, within a session", within["again"]),
        ("A/A: the same file, one session against the next", between["one"]),
        ("A/B: more channels, within a session", within["more"]),
        ("A/B: more channels, one session against the next", between["more"]),
    ):
        total = len(tally.comparisons)
        seen = f"{tally.alarms} of {total}"
        if label.startswith("A/B"):
            seen = f"{tally.count('slower')} of {total} slower, {tally.count('faster')} faster"
        yield f"| {label} | {total} | {seen} | {tally.gated} of {total} | {tally.ratios} |"


def noise(made: Sequence[Session]) -> str:
    """How restless it was."""
    launches = [launch for session in made for each in session.values() for launch in each]
    shares = [launch.state.get("other_cpu_share") for launch in launches]
    known = [share for share in shares if share is not None]
    spreads = [
        float(np.std(np.log([_level(launch) for launch in each]), ddof=1))
        for session in made
        for each in session.values()
    ]
    text = f"launches of one file differ by {np.median(spreads):.1%} within a session (sd)"
    if known:
        text += f"; other processes took {np.median(known):.0%} of the CPU time"
    return text


def _level(launch: Launch) -> float:
    return launch.latency.median_us or launch.latency.mean_us


def main() -> None:
    """Measure and print."""
    asked = _parser().parse_args()
    typed = {name: each for name, each in vars(asked).items() if each is not None}
    settings = value(TargetArguments, typed).options()
    with tempfile.TemporaryDirectory(prefix="tflite-bench-") as folder:
        files = variants(Path(folder))
        for kind, address in choose.named(asked.target or ["local"], settings):
            sys.stdout.write("\n".join(_target(asked, settings, files, kind, address)) + "\n")


def _target(
    asked: argparse.Namespace,
    settings: Mapping[str, str],
    files: tuple[Variant, ...],
    kind: str,
    address: str | None,
) -> Iterator[str]:
    """All sessions on one target, as Markdown."""

    def open_target(plan: Plan) -> Target:
        return plugins.load("targets", kind).open(address, plan, settings)

    first_seed = secrets.randbelow(10**9) if asked.seed is None else asked.seed
    plans = [
        Plan(launches=asked.launches, runs=asked.runs, seed=first_seed + number)
        for number in range(asked.sessions)
    ]
    found: list[tuple[Environment, Session]] = []
    with contextlib.suppress(KeyboardInterrupt):  # what was made until then is told
        for session in sessions(open_target, files, plans, asked.keep):
            found.append(session)  # one by one, or an interruption loses all
    made = [session for _, session in found]
    yield f"**{found[0][0].label}**, {asked.launches} launches × {asked.runs} runs, "
    yield f"seeds {first_seed} to {first_seed + len(made) - 1}"
    yield ""
    yield from table(made)
    yield from ("", noise(made), "")
    placed = [
        place.placed(files, plan, session, ("one", "again"))
        for plan, session in zip(plans, made, strict=False)
    ]
    yield from (*place.report(placed), "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="false alarms and true ones on real noise")
    parser.add_argument("-t", "--target", action="append", default=[])
    add_target_arguments(parser)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--launches", type=int, default=Plan().launches)
    parser.add_argument("--runs", type=int, default=Plan().runs)
    parser.add_argument("--seed", type=int, help="of the first session (default: drawn anew)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="save the sessions there")
    return parser


if __name__ == "__main__":
    main()
