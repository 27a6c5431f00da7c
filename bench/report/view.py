"""How a reader wants tables of variants: which columns, and how wide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bench.errors import UsageError
from bench.plugins import nearest

READABLE = 100
"""Letters in a line that is read without scrolling: of files, mails and most terminals."""

ALL = "all"

COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "answers": "whether the phone answers as this machine does by the same file",
        "phone-accuracy": "accuracy, or another metric, of the phone's answers",
        "agrees": "how far the phone's answers agree with this machine's",
        "size": "bytes of the .tflite",
        "size-ratio": "how many times smaller than the baseline's",
        "zipped": "bytes of the .tflite deflated, as in an APK",
        "zipped-ratio": "how many times smaller than the baseline's, both zipped",
        "int8": "the part of the computing ops that are int8",
        "int4": "the part of the weights that are stored in 4 bits",
        "accuracy": "accuracy, or other metrics, by this machine",
        "lost": "what of it is lost against the baseline",
        "launches": "how many there were",
        "median": "one inference in the typical launch",
        "p99": "what 99 % of a typical launch's inferences stay within",
        "vs": "how many times faster or slower than the baseline",
        "init": "from nothing to ready, in the typical launch",
        "cold-init": "from nothing to ready with an empty cache of the delegate's (--warm-starts)",
        "warm-init": "from nothing to ready with the cache that a cold start left",
        "first": "the first inference of the typical launch",
        "memory": "peak memory of the typical launch",
    }
)
"""What ``--columns`` may name, in the order of the tables, and what each says."""


@dataclass(frozen=True)
class View:
    """What is shown of the columns that there are.

    Attributes:
        columns: names of ``COLUMNS`` in the order wanted, or ``all``; empty is what suits the
            format: for a terminal those that fit its width, and all for others.
        width: letters in a line, as far as a format heeds it.
    """

    columns: tuple[str, ...] = ()
    width: int = READABLE

    @property
    def names(self) -> tuple[str, ...]:
        """The columns wanted by name, each once."""
        if ALL in self.columns:
            return tuple(COLUMNS)
        return tuple(dict.fromkeys(self.columns))


VIEW = View()
"""What is shown where nobody wants anything else."""


def check_column(name: str) -> str:
    """The name, where there is such a column.

    Raises:
        UsageError: there is none; the hint tells those that there are.
    """
    if name != ALL and name not in COLUMNS:
        raise UsageError(f"no column is called {name!r}", hint=nearest(name, (*COLUMNS, ALL)))
    return name
