"""What is to be measured."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.pipeline import prepare


def test_several_files_are_compared_and_several_models_are_not():
    both = (Path("a.tflite"), Path("b.LITE"))
    assert prepare.tflite_paths(["a.tflite", "b.LITE"]) == both
    assert prepare.tflite_paths(both) == both
    assert prepare.tflite_paths("a.tflite") == both[:1]
    assert prepare.tflite_paths(Path("a.keras")) is None
    assert prepare.tflite_paths(["a.keras"]) is None
    with pytest.raises(UsageError, match="one source model at a time"):
        prepare.tflite_paths(["a.tflite", "b.keras"])
