"""Tests of bench.observers."""
