"""Benchmarks of the harness itself, and simulations too big for a test; they print figures."""
