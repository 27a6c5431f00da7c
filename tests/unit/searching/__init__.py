"""Tests of ``bench.searching``."""
