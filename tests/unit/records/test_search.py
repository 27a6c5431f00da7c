"""What a search tried is kept whole, and added to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.errors import StoreError
from bench.records import read
from bench.records.adding import add
from tests import examples


def test_a_search_is_read_as_it_was_written_and_the_newest_counts(tmp_path):
    kept = examples.search()
    path = examples.searched(tmp_path / "s.jsonl", kept)
    assert read(path).search == kept
    more = replace(kept, seconds=200.0)
    add(path, more)
    assert read(path).search == more
    assert read(path).end is not None


def test_a_figure_out_of_its_range_is_refused_by_its_name(tmp_path):
    path = examples.searched(tmp_path / "s.jsonl")
    broken = examples.outcome(1, 0.1, medians_us={"local": -1.0})
    add(path, examples.search(trials=(replace(examples.search().trials[0], outcome=broken),)))
    with pytest.raises(StoreError, match=r"medians_us must be at least 0"):
        read(path)


def test_figures_of_many_targets_are_kept(tmp_path):
    timed = examples.outcome(1, 0.1, medians_us={"a": 5.0, "b": 7.0}, times={"a": 2.0, "b": 1.5})
    kept = examples.search(trials=(replace(examples.search().trials[0], outcome=timed),), front={})
    assert read(examples.searched(tmp_path / "s.jsonl", kept)).search == kept
