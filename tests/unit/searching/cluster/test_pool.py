"""What is said of workers that differ, and of addresses that are none."""

from __future__ import annotations

import pytest

from bench.errors import UsageError
from bench.observers import SILENT
from bench.searching.cluster import remote
from bench.searching.cluster.pool import Pool

HERE = {"Python": "3.11", "tensorflow": "2.21.0", "litert-quantizer": ""}


@pytest.mark.parametrize(
    ("theirs", "told"),
    [
        (HERE, ""),
        ({**HERE, "tensorflow": "2.20.0"}, "tensorflow 2.20.0 there, 2.21.0 here"),
        ({**HERE, "tensorflow": ""}, "tensorflow is not installed there, 2.21.0 here"),
        ({**HERE, "litert-quantizer": "0.11"}, "litert-quantizer 0.11 there, not installed here"),
    ],
)
def test_what_differs_is_named_with_both_versions(theirs, told):
    assert remote.why_other(HERE, theirs) == told


def test_our_own_source_is_a_version_too():
    assert remote.versions() == remote.versions()
    assert "(" in remote.versions()["tflite-bench"]


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:8786", "http://host:1", "tcp://host"])
def test_an_address_that_is_none_is_refused_before_dask_is_asked(address):
    with pytest.raises(UsageError, match="is no scheduler's address"), Pool(address, SILENT):
        pass
