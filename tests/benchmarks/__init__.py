"""Benchmarks and bigger simulations, which print their figures."""
