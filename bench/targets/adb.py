"""An Android phone over adb: TFLite's own ``benchmark_model``, pushed and run there.

The address is the phone's serial, or with several adb servers ``SERIAL@HOST:PORT``; without one,
the phone of ``ANDROID_SERIAL``, else the only one that is ready. Options, by name:

====================  ============  ==============================================================
``adb_server``        as adb has    ``HOST:PORT,HOST:PORT``; by default what adb's own variables
                      it            say (``ADB_SERVER_SOCKET``,
                                    ``ANDROID_ADB_SERVER_ADDRESS``, ``ANDROID_ADB_SERVER_PORT``)
``benchmark_model``   found         path of the binary; else ``TFLITE_BENCH_BENCHMARK_MODEL``, else
                      for the ABI   what ``bench doctor --fetch`` put into the cache
``libraries``         none          ``FILE,FILE``: shared libraries that the tool loads
``max_celsius``       40            skin (else battery) temperature above which we wait
``max_thermal_status``  0           thermal status above which we wait: 0 none, 1 light, …
``min_battery``       25            charge in per cent below which we wait
``max_slowdown``      0.10          share by which fixed CPU work may be slower than when cool
``throttle_every_s``  30            how often that work is timed
``gate_timeout_s``    300           how long to wait for the phone to become fit
``stay_on``           yes           keep the screen on while plugged in
``fixed_performance``  yes          ask for clocks that the phone can keep up, where it can
``reconnect_s``       60            how long to wait for a phone that went away
``lock_timeout_s``    0             how long to wait for another harness at the same phone
``cap_mb``            1024          how much of our pushed files may stay on the phone
====================  ============  ==============================================================

The harness itself gives ``samples``: an .npz with samples of each input, for ``--real-inputs``.

One launch is one call of ``device_scripts/launch.sh``, which answers with the tool's exit code, its
streams and, at most once a second, the state of the phone after it. That state also lets the next
launch begin. ``Launch.state`` holds ``before`` and (where it was read) ``after``: ``celsius``,
``temperatures``, ``thermal_status``, ``battery_level``, ``battery_status``, ``plugged``, ``khz``;
and ``screen``, ``waited_s``, ``work_us``, ``cool_work_us``.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import benchmark_model
from bench.benchmark_model.argv import Dialect
from bench.benchmark_model.caches import cache_of, why_none
from bench.cells import USABLE, files_of, setting_facts, setting_of
from bench.errors import LaunchError, StableLaunchError, TargetError
from bench.targets import Progress, Questions, RawAnswers, TargetStatus
from bench.targets._adb import answers, binding, files, outcome, phones, starts
from bench.targets._adb.command import (
    NO_MASK,
    command_line,
    dialect_for,
    find_tool,
    model_artefact,
)
from bench.targets._adb.options import OURS, Options, read_options
from bench.targets._adb.probe import Phone, abis_of
from bench.targets._adb.readiness import Fitness, Gate
from bench.targets._adb.reply import Answer
from bench.targets._adb.runner import Runner
from bench.targets._adb.session import DeviceSession, cancelled
from bench.targets._adb.shell import AdbShell, Shell, quote
from bench.targets._adb.state import parse_state
from bench.values import Environment, Launch, MeasuredInput, Plan, StartPair, Variant, utc_now

KIND = "adb"
OPTIONS = frozenset(field.name for field in dataclasses.fields(Options)) - OURS
LOOK_EVERY_S = 1.0
NO_OPTIONS: Mapping[str, str] = {}


def discover(options: Mapping[str, str] = NO_OPTIONS) -> list[TargetStatus]:
    """Every device that the adb servers know; starts a server if there is none here.

    A server that does not answer is one line that says so and names the cure.

    Raises:
        TargetError: an option that there is not, or of another kind.
    """
    return phones.statuses(KIND, read_options(options))


def versions(options: Mapping[str, str] = NO_OPTIONS) -> list[phones.ServerVersion]:
    """Of each adb server that answers, and whether ``adb`` would end it. Raises TargetError."""
    return list(phones.versions(read_options(options)))


def open(address: str | None, plan: Plan, options: Mapping[str, str]) -> AdbTarget:  # noqa: A001  # the protocol's word
    """The phone of that serial, or the only one.

    Raises:
        TargetError: no such phone, not ready, several to choose from, or a bad option; no tool for
            it, or one that cannot run there.
    """
    chosen = read_options(options)
    found = phones.choose(address, chosen)
    shell = _shell(found)
    # Before anything is built for it: a tool that cannot run there is told at once.
    find_tool(abis_of(shell, chosen.reconnect_s), plan, chosen)
    return AdbTarget(shell, plan, chosen, found.address)


def clean(address: str | None, options: Mapping[str, str] = NO_OPTIONS) -> tuple[int, int]:
    """Remove our folder from the phone, and nothing else: how many files and bytes.

    Raises:
        TargetError: as :func:`open`; or a harness is measuring there.
    """
    chosen = read_options(options)
    session = DeviceSession(_shell(phones.choose(address, chosen)), chosen)
    try:
        return session.remove_all()
    except LaunchError as fault:
        raise TargetError(fault.message, hint=fault.hint) from fault
    finally:
        session.give_back()


def abis(address: str | None, options: Mapping[str, str] = NO_OPTIONS) -> tuple[str, ...]:
    """What a phone runs, its favourite first; it may be in use.

    Raises:
        TargetError: as :func:`open`.
    """
    chosen = read_options(options)
    return abis_of(_shell(phones.choose(address, chosen)), chosen.reconnect_s)


def _shell(found: phones.Found) -> AdbShell:
    return AdbShell(found.server, found.device.serial)


class AdbTarget:
    """See :class:`bench.targets.Target`.

    Args:
        shell: the way to the phone.
        plan: what is to be measured.
        options: of this kind of target.
        address: what it is called here, by default its serial.
    """

    def __init__(
        self, shell: Shell, plan: Plan, options: Options, address: str | None = None
    ) -> None:
        self._address = address or shell.serial
        self._plan = plan
        self._options = options
        binding.check(plan)
        self._binding = binding.Binding({}, {}, {})
        self._session = DeviceSession(shell, options)
        self._gate = Gate(self._session.look, options, self._session.closing)
        self._unfit: dict[str, LaunchError] = {}
        self._phone: Phone | None = None
        self._tool: files.Artefact | None = None
        self._tool_version: str | None = None
        self._libraries: list[files.Artefact] = []
        self._runner: Runner | None = None
        self._tool_s = 0.0
        self._fed: dict[str, list[files.Artefact]] = {}
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    @property
    def id(self) -> str:
        """``adb:SERIAL``, or with several servers ``adb:SERIAL@HOST:PORT``."""
        return f"{KIND}:{self._address}"

    def __enter__(self) -> AdbTarget:
        """Take the phone, apply settings, find the tool for its ABI.

        Raises:
            TargetError: the phone is gone, full or in use; no tool, or one for another ABI; the
                asked-for CPUs are not there.
        """
        try:
            self._session.take()
            self._phone = self._session.probe(NO_MASK)
            self._binding = binding.bind(self._plan, self._phone, self._session.probe)
            self._choose_tool(self._phone)
        except BaseException as fault:
            self._session.give_back()
            if isinstance(fault, LaunchError):
                raise TargetError(fault.message, hint=fault.hint) from fault
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self._session.give_back()
        if self._scratch is not None:
            self._scratch.cleanup()

    def cancel(self) -> None:
        """End the running launch, from another thread."""
        self._session.end_launches()

    def fitness(self) -> Fitness:
        """Whether a launch could begin now, and what it would wait for. Raises LaunchError."""
        return self._gate.fitness(self._session.say)

    def short_of_bytes(self) -> int:
        """How much storage lacks for the tool and its libraries. Raises LaunchError."""
        phone, tool, _ = self._entered()
        absent = files.missing(self._session.link, [tool, *self._libraries], self._session.say)
        if phone.free_bytes is None:
            return 0
        return max(0, sum(each.size_bytes for each in absent) - phone.free_bytes)

    def environment(self) -> Environment:
        """The phone, its clocks, the tool and how it is used."""
        phone, tool, plan = self._entered()
        facts = {
            **phone.facts,
            **setting_facts(plan, self._binding.cpus),
            USABLE: binding.usable(phone, self._binding.cpus),
            "tool_sha256": tool.sha256,
            "tool_version": self._tool_version,
            "tool_args": list(plan.tool_args),
            "settings": dict(self._session.settings),
        }
        return Environment(self.id, KIND, phone.label, facts)

    def _entered(self) -> tuple[Phone, files.Artefact, Plan]:
        if self._phone is None or self._tool is None:
            raise TargetError(f"{self.id} was not entered", hint="use it in a with statement")
        return self._phone, self._tool, self._plan

    def _choose_tool(self, phone: Phone) -> None:
        tool, artefact, libraries = find_tool(phone.abis, self._plan, self._options)
        if tool.loader and not tool.loader.startswith("/system/"):
            test = f"if [ -e {quote(tool.loader)} ]; then echo there=1; fi; echo %end"
            if not self._session.link.ask(test, self._session.say).values:
                raise TargetError(
                    f"{str(tool.path)!r} needs {tool.loader}, which this phone does not have",
                    hint="that is a build for Linux; give the Android build of benchmark_model",
                )
        self._tool_version = tool.version
        self._tool = artefact
        self._libraries = libraries
        self._runner = Runner(self._session, self.id, artefact, libraries, self._plan.timeout_s)

    @property
    def _dialect(self) -> Dialect:
        return dialect_for(self._entered()[1], self._tool_version)

    def _command(
        self,
        variant: Variant,
        values: Sequence[str] = (),
        plan: Plan | None = None,
        *,
        output: str | None = None,
        cache: str | None = None,
    ) -> list[str]:
        """The tool's words, with another plan than that of launches where one is given."""
        _, tool, own = self._entered()
        model, dialect = model_artefact(variant), self._dialect
        return command_line(
            tool, model, plan or own, dialect, variant, values=values, output=output, cache=cache
        )

    def prepare(self, variants: Sequence[Variant], progress: Progress) -> None:
        """Push what is not there yet; what the phone refuses fails its own launches only.

        Raises:
            TargetError: the tool has no flag for how a variant is fed.
        """
        self._fed = {variant.name: self._real_inputs(variant) for variant in variants}
        for variant in variants:
            try:
                self._command(variant, [each.remote for each in self._fed[variant.name]])
            except TargetError as fault:
                if variant.setting is None:
                    raise
                self._unfit[variant.name] = StableLaunchError(
                    fault.message, hint=fault.hint, error_class="setting"
                )
        fed = [each for those in self._fed.values() for each in those]
        self._run_by.bring([*fed, *map(model_artefact, files_of(variants))], progress)

    def launch(self, variant: Variant, block: int, progress: Progress) -> Launch:
        """Run one fresh process on the phone.

        Raises:
            StableLaunchError: the phone is gone or not fit, or the same launch would fail again.
            TransientLaunchError: it may pass when tried again; or it was cancelled.
        """
        phone, _, _ = self._entered()
        if self._session.closing.is_set():
            raise cancelled()
        if variant.name in self._unfit:
            raise self._unfit[variant.name]
        mask = self._binding.mask(setting_of(variant, self._plan))
        started_at = utc_now()
        before, waited_s = self._gate.wait(progress)
        begin = time.perf_counter()
        # Reading the state is most of what a launch costs beside the tool: once a second will do.
        look = time.monotonic() - before.read_at + self._tool_s >= LOOK_EVERY_S
        fed = self._fed.get(variant.name, [])
        words = [each.remote for each in fed]
        pushed = [model_artefact(variant), *fed]
        answer = self._run_by.run(
            lambda: self._command(variant, words), pushed, progress, mask=mask, look=look
        )
        wall_s = time.perf_counter() - begin
        after = parse_state(answer.values, time.monotonic()) if look else None
        if after is not None:
            self._gate.remember(after)
        self._tool_s = outcome.tool_s(answer)
        run = outcome.read_run(answer, self._plan, variant)
        return Launch(
            variant=variant.name,
            target=self.id,
            block=block,
            latency=benchmark_model.latency(run),
            init_us=run.init_us,
            first_us=run.first_us,
            warmup_runs=run.warmup_count,
            warmup_us=run.warmup_us,
            peak_bytes=run.peak_bytes or run.overall_bytes,
            init_bytes=run.init_bytes,
            wall_s=wall_s,
            started_at=started_at,
            state=outcome.state_facts(before, after, waited_s, self._gate),
            facts=outcome.launch_facts(answer, run, phone.facts.get("sdk")),
        )

    def _real_inputs(self, variant: Variant) -> list[files.Artefact]:
        """The files of test samples that its launches are fed; none for random values."""
        if not self._plan.real_inputs or self._options.samples is None:
            return []
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="tflite-bench-")
        return answers.real_inputs(self._options.samples, variant, Path(self._scratch.name))

    def answers(self, variant: Variant, questions: Questions, progress: Progress) -> RawAnswers:
        """See :class:`bench.targets.AnsweringTarget`."""
        _, _, plan = self._entered()
        model = model_artefact(variant)
        answers.check_flags(self._run_by.flags(model, progress))
        once = answers.once(plan)
        mask = self._binding.mask(setting_of(variant, plan))

        def run(inputs: Sequence[MeasuredInput], values: Sequence[str]) -> Answer:
            fed = dataclasses.replace(variant, inputs=tuple(inputs))

            def words() -> list[str]:
                output = f"{self._session.next_run_folder}/{answers.OUTPUTS}"
                return self._command(fed, values, once, output=output)

            answer = self._run_by.run(words, [model], progress, mask=mask)
            outcome.read_run(answer, once, variant)
            return answer

        return answers.ask(self._session, run, variant, questions, progress)

    def no_warm_start(self, variant: Variant, progress: Progress) -> tuple[str, str]:
        """See :class:`bench.targets.StartingTarget`."""
        delegate = setting_of(variant, self._plan).delegate
        cache = cache_of(delegate, self._dialect)
        if cache is None:
            return why_none(delegate), starts.NAME_ONE
        return starts.why_not(cache, self._run_by.flags(model_artefact(variant), progress))

    def start_pair(self, variant: Variant, number: int, progress: Progress) -> StartPair:
        """See :class:`bench.targets.StartingTarget`."""
        cache = cache_of(setting_of(variant, self._plan).delegate, self._dialect)
        assert cache is not None
        empty = StartPair(variant.name, self.id, number)

        def init_us(folder: str) -> float:
            return self._init_us(variant, folder, progress)

        return starts.measure(self._session, cache, empty, init_us, progress)

    def _init_us(self, variant: Variant, folder: str, progress: Progress) -> float:
        """What a process with that cache tells of its initialisation. Raises LaunchError."""
        if self._session.closing.is_set():
            raise cancelled()
        once = answers.once(self._plan)
        mask = self._binding.mask(setting_of(variant, self._plan))
        self._gate.wait(progress)
        fed = self._fed.get(variant.name, [])
        answer = self._run_by.run(
            lambda: self._command(variant, [each.remote for each in fed], once, cache=folder),
            [model_artefact(variant), *fed],
            progress,
            mask=mask,
        )
        return starts.init_us(outcome.read_run(answer, once, variant))

    @property
    def _run_by(self) -> Runner:
        self._entered()
        assert self._runner is not None
        return self._runner
