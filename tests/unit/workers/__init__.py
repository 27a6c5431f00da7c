"""Tests of bench.workers."""
