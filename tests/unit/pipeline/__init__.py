"""Tests of bench.pipeline."""
