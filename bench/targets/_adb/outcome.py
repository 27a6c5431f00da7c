"""What a launch's answer comes to: the tool's figures and facts, or the error to raise."""

from __future__ import annotations

from dataclasses import asdict

from bench import benchmark_model
from bench.cells import setting_of
from bench.errors import LaunchError, StableLaunchError, TransientLaunchError
from bench.targets._adb import files
from bench.targets._adb.readiness import Gate
from bench.targets._adb.reply import Answer
from bench.targets._adb.state import DeviceState
from bench.values import Plan, Variant


def read_run(answer: Answer, plan: Plan, variant: Variant) -> benchmark_model.ToolRun:
    """The tool's figures. Raises LaunchError where they are none, or not of what was asked."""
    try:
        return _read(answer, plan, variant)
    except LaunchError as fault:
        if "full" in answer.values:
            raise files.full("the phone", "what the tool printed did not fit") from fault
        raise


def _read(answer: Answer, plan: Plan, variant: Variant) -> benchmark_model.ToolRun:
    values = answer.values
    timeout_s = plan.timeout_s
    if values.get("ended") == "timeout":
        raise StableLaunchError(
            f"the tool took longer than {timeout_s:g} s and was ended",
            hint="raise --timeout, or lower --runs",
            error_class="timeout",
        )
    if values.get("ended") == "stuck":
        raise StableLaunchError(
            "the tool hangs in the phone's kernel and cannot be ended",
            hint="restart the phone, then run the same command again",
            error_class="timeout",
        )
    if values.get("ended") == "alone":
        raise StableLaunchError(
            "this phone's shell can run nothing apart from its connection",
            hint="it has neither setsid nor job control: measure on another phone",
            error_class="crash",
        )
    if "exit" not in values or "ended" in values:
        raise TransientLaunchError(
            "the launch broke off on the phone",
            hint="it restarted, or somebody ended the tool",
            error_class="crash",
        )
    stdout, stderr = (stream.decode(errors="replace") for stream in answer.streams)
    asked = benchmark_model.Asked(
        delegate=setting_of(variant, plan).delegate,
        input_shapes=bool(plan.input_shapes),
        open_inputs=_open_inputs(variant, plan),
    )
    found = benchmark_model.parse(
        stdout, exit_code=int(values["exit"]), stderr=stderr, asked=asked
    )[-1]
    if isinstance(found, benchmark_model.ToolFault):
        raise benchmark_model.to_error(found)
    return found


def _open_inputs(variant: Variant, plan: Plan) -> tuple[str, ...]:
    """Inputs of which a dimension is open, and that the tool was told no shape of."""
    told = {name for name, _ in plan.input_shapes}
    return tuple(
        each.name
        for each in variant.inputs
        if each.is_open and told.isdisjoint((each.name, each.tensor))
    )


def launch_facts(
    answer: Answer, run: benchmark_model.ToolRun, sdk: object = None
) -> dict[str, object]:
    """What a report keeps beside the figures, of a phone of that SDK."""
    deprecated = benchmark_model.deprecated_on(sdk)
    ran = [each.name for each in run.delegates if each.ran]
    facts: dict[str, object] = {
        "tool_s": tool_s(answer),
        "tool_era": run.era,
        "delegates": [asdict(each) for each in run.delegates],
        "deprecated": {name: deprecated[name] for name in ran if name in deprecated},
        "tool_warnings": list(run.warnings),
        "p95_us": run.p95_us,
        "ops": [asdict(each) for each in run.ops],
    }
    return {key: value for key, value in facts.items() if value not in (None, [], {}, "")}


def state_facts(
    before: DeviceState, after: DeviceState | None, waited_s: float, gate: Gate
) -> dict[str, object]:
    """What a report keeps of the phone around a launch."""
    facts: dict[str, object] = {
        "before": before.facts(),
        "after": None if after is None else after.facts(),
        "screen": gate.screen,
        "waited_s": round(waited_s, 1) if waited_s >= 1 else 0.0,
        "work_us": gate.work_us,
        "cool_work_us": gate.cool_work_us,
    }
    return {key: value for key, value in facts.items() if value is not None}


def tool_s(answer: Answer) -> float:
    """How long the tool ran, by the phone's own clock (in hundredths); 0 if it gave no end."""
    values = answer.values
    return round(float(values.get("to_s", 0)) - float(values.get("from_s", 0)), 2)
