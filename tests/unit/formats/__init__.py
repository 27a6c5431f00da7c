"""Tests of bench.formats."""
