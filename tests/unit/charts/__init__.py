"""Tests of bench.charts."""
