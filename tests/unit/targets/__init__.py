"""Tests of bench.targets."""
