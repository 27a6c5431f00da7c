"""What benchmark_model says about delegates: who was created, who ran how much of the graph.

A finished run is not proof of anything: a delegate that could not be applied leaves a figure of the
CPU behind, often without an error. So the lines below are the evidence, and their absence is too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bench.benchmark_model.lines import Line


@dataclass(frozen=True)
class Delegate:
    """One delegate as the tool's own lines describe it.

    Attributes:
        name: ``xnnpack``, ``gpu``, ``nnapi``, ``hexagon``, ``npu``, ``flex``, or the tool's word.
        coverage: ``full`` (it runs the whole graph), ``partial``, ``applied`` (older tools do not
            say how much), ``created`` (no more is known), ``none`` (refused, or runs nothing).
        nodes: how many nodes it took, None where not printed.
        nodes_total: of how many.
        partitions: into how many pieces the graph fell.
        words: the line that decided the coverage.
    """

    name: str
    coverage: str
    nodes: int | None = None
    nodes_total: int | None = None
    partitions: int | None = None
    words: str = ""

    @property
    def ran(self) -> bool:
        """Whether there is evidence that it ran at least a part of the graph."""
        return self.coverage in ("full", "partial", "applied")


# Weakest first; "none" is last, since a refusal after a creation is the last word.
_STRENGTH = ("created", "applied", "partial", "full", "none")

_PATTERNS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (coverage, key, re.compile(pattern))
    for coverage, key, pattern in (
        # From 2.3 on "Explicitly applied … by the delegate", before it "Applied … w/ the delegate".
        (
            "full",
            "completely",
            r"pplied (?P<name>[\w -]{1,40}?) delegate, and the .*completely\s+executed",
        ),
        (
            "partial",
            "partially",
            r"pplied (?P<name>[\w -]{1,40}?) delegate, and the .*partially\s+executed",
        ),
        ("applied", "Applied", r"^Applied (?P<name>\w+) delegate\.?$"),
        (
            "none",
            "will not be",
            r"^Though (?P<name>[\w -]{1,40}?) delegate is explicitly applied, .*not be",
        ),
        ("none", "Failed to apply", r"^Failed to apply (?P<name>[\w -]{1,40}?) delegate"),
        ("none", "unsupported", r"^(?P<name>\w+) acceleration is unsupported"),
        ("none", "Could not create", r"^Could not create (?P<name>\w+) delegate"),
        ("none", "NNAPI support library", r"^Couldn't load (?P<name>NNAPI) support library"),
        (
            "replaced",
            "node(s) with delegate",
            r"^Replacing (?P<nodes>\d+)(?: out of (?P<total>\d+))? node\(s\) with delegate "
            r"\((?P<name>[^)]*)\) node, yielding (?P<partitions>\d+) partitions",
        ),
        ("created", "delegate for", r"^Created TensorFlow Lite (?P<name>\w+) delegate for"),
        ("created", "delegate for", r"^Created TensorFlow Lite delegate for (?P<name>[\w ]+)"),
        ("created", "delegate created", r"^(?P<name>\w+) delegate created"),
    )
)

# Names of providers, of delegate kernels and of LiteRT's accelerators, by what they contain.
_NAMES: tuple[tuple[str, str], ...] = (
    ("xnnpack", r"xnnpack|^the default"),
    ("gpu", r"gpu|litert_cl|drift|metal|opencl"),
    ("nnapi", r"nnapi"),
    ("hexagon", r"hexagon"),
    ("npu", r"npu|dispatch"),
    ("flex", r"flex|select tf ops"),
)


def canonical(name: str) -> str:
    """Our name of a delegate: ``TfLiteXNNPackDelegate`` is ``xnnpack``."""
    for word, pattern in _NAMES:
        if re.search(pattern, name, re.IGNORECASE):
            return word
    return name.strip().lower()


_DEPRECATED: Mapping[str, tuple[int, str]] = {"nnapi": (35, "Android 15")}
"""From which SDK on Android calls what a delegate uses deprecated (developer.android.com, NNAPI
Migration Guide): it stays, and its drivers are no longer tested."""


def deprecated_on(sdk: object) -> dict[str, str]:
    """What is deprecated on a phone of that SDK: since which Android, by our name of the delegate.

    Args:
        sdk: ``ro.build.version.sdk``, as text or number; anything else is a phone that tells none.
    """
    level = int(sdk) if isinstance(sdk, str | int) and str(sdk).isdigit() else 0
    return {name: since for name, (first, since) in _DEPRECATED.items() if level >= first}


def evidence(line: Line) -> Delegate | None:
    """What one line says about one delegate, or None."""
    text = line.text
    for coverage, key, pattern in _PATTERNS:
        if key not in text:
            continue
        match = pattern.search(text)
        if match is None:
            continue
        name = canonical(match["name"])
        if coverage != "replaced":
            return Delegate(name, coverage, words=text)
        return _replaced(name, match, text)
    return None


def _replaced(name: str, match: re.Match[str], text: str) -> Delegate:
    nodes, partitions = int(match["nodes"]), int(match["partitions"])
    total = None if match["total"] is None else int(match["total"])
    # One partition of all there is means that no node is left outside.
    full = nodes == total if total is not None else partitions == 1
    coverage = "none" if nodes == 0 else "full" if full else "partial"
    return Delegate(name, coverage, nodes, total, partitions, text)


def merge(found: Iterable[Delegate]) -> tuple[Delegate, ...]:
    """One delegate per name, with the strongest evidence; node counts of subgraphs are added up."""
    merged: dict[str, Delegate] = {}
    for new in dict.fromkeys(found):  # a line that is printed twice counts once
        old = merged.get(new.name)
        merged[new.name] = new if old is None else _join(old, new)
    return tuple(merged.values())


def _join(old: Delegate, new: Delegate) -> Delegate:
    pair = (old, new)
    if {old.coverage, new.coverage} == {"full", "partial"}:
        # One subgraph, or one line, says that nodes were left outside: the model is not covered.
        decisive = next(one for one in pair if one.coverage == "partial")
    else:
        decisive = max(pair, key=lambda one: _STRENGTH.index(one.coverage))
    return replace(
        decisive,
        nodes=_sum(old.nodes, new.nodes),
        nodes_total=_sum(old.nodes_total, new.nodes_total),
        partitions=_sum(old.partitions, new.partitions),
    )


def _sum(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else one + other
