"""What is pushed for a launch, and the tool's command line for a plan."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.benchmark_model import binary
from bench.benchmark_model.argv import Dialect, argv, dialect_of
from bench.benchmark_model.caches import cache_of
from bench.cells import plan_of, setting_of, settings_of
from bench.errors import TargetError
from bench.targets._adb import files
from bench.targets._adb.options import Options
from bench.values import Plan, Variant

NO_MASK = "-"


def find_tool(
    abis: Sequence[str], plan: Plan, options: Options
) -> tuple[binary.Tool, files.Artefact, list[files.Artefact]]:
    """The tool for a phone, as it is here and there, and the libraries it loads.

    Raises:
        TargetError: there is none, it does not fit the phone, or it has no flag for what is asked.
    """
    tool = binary.find(options.benchmark_model, abis)
    artefact = files.by_content(
        tool.path, tool.sha256, tool.size_bytes, "-benchmark_model", files.EXECUTABLE
    )
    libraries = library_artefacts(options.libraries)
    _check_settings(artefact, plan, dialect_for(artefact, tool.version))
    return tool, artefact, libraries


def _check_settings(tool: files.Artefact, plan: Plan, dialect: Dialect) -> None:
    """See that the tool has the flags of one setting at least; cells of the others will fail."""
    faults = []
    settings = settings_of(plan)
    for each in settings:
        alone = replace(
            plan, threads=each.threads, delegate=each.delegate, affinity=each.affinity, settings=()
        )
        try:
            command_line(tool, tool, alone, dialect)
        except TargetError as fault:
            faults.append(fault)
    if len(faults) == len(settings):
        raise faults[0]


def command_line(
    tool: files.Artefact,
    model: files.Artefact,
    plan: Plan,
    dialect: Dialect,
    variant: Variant | None = None,
    *,
    values: Sequence[str] = (),
    output: str | None = None,
    cache: str | None = None,
) -> list[str]:
    """The tool's words on the phone, unquoted. Raises TargetError, as argv does.

    Args:
        tool: as it is pushed.
        model: as it is pushed.
        plan: what is to be measured.
        dialect: of the tool.
        variant: what the model is; None while that is not known.
        values: for each input a file on the phone with its values; empty for random ones.
        output: the file on the phone that outputs are written to.
        cache: the folder on the phone for what the delegate keeps.
    """
    kept = cache_of(setting_of(variant, plan).delegate, dialect) if cache is not None else None
    return argv(
        tool.remote,
        model.remote,
        plan_of(variant, plan),
        inputs=variant.inputs if variant is not None else (),
        values=values,
        output=output,
        cache=kept.arguments(cache) if kept is not None and cache is not None else (),
        signature=_signature(variant, dialect) if variant is not None else None,
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


def _signature(variant: Variant, dialect: Dialect) -> str | None:
    """The signature to be named: none where the tool runs it anyhow, as older ones lack the flag.

    benchmark_model runs a file's first subgraph, LiteRT's tool its first signature.
    """
    known = variant.facts.signatures if variant.facts is not None else {}
    if variant.signature is None or len(known) < 2:
        return None
    is_first = known[variant.signature].subgraph == 0
    return None if is_first and dialect == "tflite" else variant.signature
