"""Latency of `fashion`, in pytest-benchmark's table: an example of bench's own plugin.

``pytest tests/benchmarks/test_latency.py --benchmarks --target adb --recipes "float32
quantize:int8" --benchmark-save=NAME``
"""

from __future__ import annotations


def test_fashion(latency, latency_recipe):
    latency("fashion", recipe=latency_recipe)
