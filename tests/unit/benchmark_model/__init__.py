"""Tests of bench.benchmark_model."""
