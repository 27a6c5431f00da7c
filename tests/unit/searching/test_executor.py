"""What is done at once on this machine."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from bench.data import Data, Split
from bench.errors import BuildError
from bench.searching.executor import MOST_AT_ONCE, fitting_at_once, in_thread

GB = 10**9


def data(size_bytes: int) -> Data:
    samples = np.broadcast_to(np.uint8(0), (size_bytes,))  # takes no memory
    return Data("made", "", {"train": Split({"": samples})})


@pytest.mark.parametrize(
    ("cores", "memory", "samples", "expected"),
    [
        (1, 64 * GB, 0, 1),
        (2, 64 * GB, 0, 2),
        (64, 64 * GB, 0, MOST_AT_ONCE),
        (8, 4 * GB, 0, 1),
        (8, 1 * GB, 0, 1),
        (8, 16 * GB, 1 * GB, 1),
        (8, 16 * GB, GB // 4, 3),
    ],
)
def test_as_many_as_cores_and_memory_bear(
    monkeypatch: pytest.MonkeyPatch, cores: int, memory: int, samples: int, expected: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    known = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": memory // 4096}
    monkeypatch.setattr(os, "sysconf", known.__getitem__)
    assert fitting_at_once(data(samples)) == expected


def test_a_thread_gives_its_result_or_what_it_raised() -> None:
    def fail() -> None:
        raise BuildError("bad", hint="mend it")

    assert in_thread(threading.get_ident).result(10) != threading.get_ident()
    with pytest.raises(BuildError, match="bad"):
        in_thread(fail).result(10)
