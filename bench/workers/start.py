"""One start on LiteRT's CompiledModel, in a process of its own, with XNNPACK's weights kept.

The interpreter that launches run on has no option for a cache; CompiledModel has, and runs on the
same XNNPACK. Answers as ``bench.workers.launch``: ``{"start": {"init_ns": …}}``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

from bench.workers.launch import classify


def main(arguments: list[str] | None = None) -> int:
    """Start, print the answer, return the exit code."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        answer: dict[str, Any] = {"start": {"init_ns": _start(_parse(arguments))}}
    except (ValueError, RuntimeError, MemoryError, OSError) as fault:
        answer = {"error": classify(fault), "message": str(fault).strip().replace("\n", " ")}
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
    return 0 if "start" in answer else 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="One start on LiteRT's CompiledModel.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--cache", required=True, help="file for XNNPACK's packed weights")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--affinity", type=json.loads, help="JSON: CPU numbers")
    return parser.parse_args(arguments)


def _start(asked: argparse.Namespace) -> int:
    """Nanoseconds from nothing to ready."""
    from ai_edge_litert.compiled_model import CompiledModel
    from ai_edge_litert.environment import Environment
    from ai_edge_litert.hardware_accelerator import HardwareAccelerator
    from ai_edge_litert.options import Options

    if asked.affinity:
        os.sched_setaffinity(0, asked.affinity)
    options = Options()
    options.hardware_accelerators = HardwareAccelerator.CPU
    options.cpu_options.num_threads = asked.threads
    options.cpu_options.xnnpack_weight_cache_path = asked.cache
    environment = Environment.create()  # an app has one for all its models
    begin_ns = time.perf_counter_ns()
    model = CompiledModel.from_file(asked.model, environment=environment, options=options)
    init_ns = time.perf_counter_ns() - begin_ns
    model.close()
    return init_ns


if __name__ == "__main__":
    sys.exit(main())
