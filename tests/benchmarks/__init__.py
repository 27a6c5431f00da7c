"""Benchmarks of this project itself, run by `make benchmark`."""
