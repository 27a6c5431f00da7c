"""Tests of single modules: no TensorFlow, no processes, seconds."""
