"""What is pushed for a launch, and the tool's command line for a plan."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.benchmark_model.argv import Dialect, argv, dialect_of
from bench.errors import TargetError
from bench.targets._adb import files
from bench.targets._affinity import cpus
from bench.values import Plan, Variant

NO_MASK = "-"


def check(plan: Plan) -> None:
    """See, before a phone is asked, that the plan's words for the tool do not repeat each other.

    Raises:
        TargetError: as ``argv``.
    """
    _words("benchmark_model", "model", replace(plan, delegate=None), "tflite")


def command_line(
    tool: files.Artefact, model: files.Artefact, plan: Plan, dialect: Dialect
) -> list[str]:
    """The tool's words on the phone, unquoted. Raises TargetError, as argv does."""
    return _words(tool.remote, model.remote, plan, dialect)


def _words(tool: str, model: str, plan: Plan, dialect: Dialect) -> list[str]:
    return argv(
        tool,
        model,
        runs=plan.runs,
        warmup_runs=plan.warmup_runs,
        warmup_s=plan.warmup_s,
        threads=plan.threads,
        delegate=plan.delegate,
        input_shapes=plan.input_shapes,
        signature=plan.signature,
        max_s=plan.timeout_s,
        extra=(*_ranges(plan), *plan.tool_args),
        profile=plan.profile,
        dialect=dialect,
    )


def dialect_for(tool: files.Artefact, version: str | None) -> Dialect:
    """LiteRT publishes its tool under the same name: the version it was fetched as tells."""
    return "litert" if (version or "").startswith("litert") else dialect_of(str(tool.source))


def model_artefact(variant: Variant) -> files.Artefact:
    """A variant, by the content that it had when it was built."""
    return files.by_content(variant.path, variant.sha256, variant.size_bytes, ".tflite")


def library_artefacts(paths: Sequence[Path]) -> list[files.Artefact]:
    """Shared libraries keep their names, in a folder named by the content of all of them."""
    contents: dict[Path, bytes] = {}
    for path in paths:
        try:
            contents[path] = path.read_bytes()
        except OSError as fault:
            raise TargetError(
                f"cannot read {str(path)!r} ({fault.strerror})", hint="name libraries that exist"
            ) from fault
        if not path.name.replace(".", "").replace("_", "").replace("-", "").isalnum():
            raise TargetError(f"a library is called {path.name!r}", hint="rename it")
    together = hashlib.sha256(b"".join(contents.values())).hexdigest()[:16]
    return [
        files.Artefact(
            path,
            hashlib.sha256(content).hexdigest(),
            len(content),
            f"libraries-{together}/{path.name}",
        )
        for path, content in contents.items()
    ]


def _ranges(plan: Plan) -> list[str]:
    """The tool's flag for the range of random inputs; it splits at commas and colons."""
    if not plan.input_ranges:
        return []
    parts = [f"{name},{low:g},{high:g}" for name, (low, high) in plan.input_ranges]
    return [f"--input_layer_value_range={':'.join(parts)}"]


def mask(affinity: str | None) -> str:
    """CPUs as the hexadecimal mask that every taskset takes, ``-`` for none. Raises TargetError."""
    if affinity is None:
        return NO_MASK
    return f"{sum(1 << cpu for cpu in set(cpus(affinity))):x}"
