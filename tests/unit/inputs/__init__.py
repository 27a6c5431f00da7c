"""Tests of bench.inputs."""
