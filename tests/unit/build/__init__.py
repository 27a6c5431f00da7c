"""Tests of bench.build."""
