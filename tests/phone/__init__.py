"""Tests against the loopback phone: real adb, adbd and benchmark_model."""
