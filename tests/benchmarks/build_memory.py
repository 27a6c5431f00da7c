"""What building again and again does to memory, with and without a bound on a process' builds.

    python tests/benchmarks/build_memory.py [BUILDS] [BUILDS_PER_PROCESS]

builds `fashion` as int8 so often, in a cache of its own, and prints the largest memory of the
building process (its resident set) in turn. Seen for 24 builds on a busy machine (TensorFlow 2.21):

    without a bound: first 852 MB, largest 958 MB, last 958 MB
    12 each: first 855 MB, largest 905 MB, last 890 MB
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from bench.build.process import BUILDS_PER_PROCESS, BuildProcess
from bench.sources import resolve

UNBOUNDED = 10**9


def resident_mb(pid: int) -> float:
    """The resident set of a process now (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def sizes_mb(builds: int, most_jobs: int, folder: Path) -> list[float]:
    """The resident set after each build."""
    model = resolve("fashion")
    process = BuildProcess("bench.build.worker", folder / "log", most_jobs=most_jobs)
    job = {
        "model": vars(model),
        "data": None,
        "signature": None,
        "seed": 0,
        "folder": str(folder),
        "recipe": "quantize:int8",
        "out": str(folder / "out.tflite"),
    }
    found = []
    for _ in range(builds):
        process.ask(job, "", lambda *_: None)
        assert process._worker is not None
        found.append(resident_mb(process._worker._process.pid))
    process.close()
    return found


def main(builds: int = 50, bound: int = BUILDS_PER_PROCESS) -> None:
    """Print both series, and what each ends with."""
    with tempfile.TemporaryDirectory() as scratch:
        for name, most_jobs in (("without a bound", UNBOUNDED), (f"{bound} each", bound)):
            started = time.monotonic()
            sizes = sizes_mb(builds, most_jobs, Path(scratch))
            spent_s = time.monotonic() - started
            shown = " ".join(f"{size:.0f}" for size in sizes[:: max(1, builds // 10)])
            print(  # noqa: T201
                f"{name}: first {sizes[0]:.0f} MB, largest {max(sizes):.0f} MB, last "
                f"{sizes[-1]:.0f} MB, {spent_s:.0f} s ({shown})"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
