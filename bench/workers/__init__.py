"""Processes of their own, so that a crash, a leak or TensorFlow's weight stays out of the harness.

==========  =========================================================  ======================
``build``   one model and its data; builds recipe after recipe         TensorFlow
``quantizer``  float files; gives them fewer bits                       litert_quantizer
``evaluate``  one variant; answers all test samples                     numpy, ai_edge_litert
``reference``  one variant; answers a few for a device to be held against  numpy, ai_edge_litert
``launch``  one variant; warms up, runs and times it                   numpy, ai_edge_litert
``start``   one variant; starts it with a cache, and times that        numpy, ai_edge_litert
==========  =========================================================  ======================

Each is told by arguments or standard input and answers in JSON lines on standard output.
"""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

BUILD_LOG = "the build log"
"""Stands in a hint of the building process for its log's path, which that process cannot know."""


def command(module: str) -> list[str]:
    """The start of the command line of a worker, named by its module: ``bench.workers.launch``.

    ``python -m`` would put the current folder before all others, where any ``numpy.py`` of the
    user's would be taken for the real one; here this package's own place comes first instead.
    """
    root = str(Path(__file__).parents[2])
    start = f"import sys, runpy; sys.path[0] = {root!r}; "
    return [
        sys.executable,
        "-c",
        start + f"runpy.run_module('{module}', run_name='__main__', alter_sys=True)",
    ]


def version(distribution: str) -> str | None:
    """The installed version of a library, without importing it; None where it is not there."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
