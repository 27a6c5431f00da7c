"""Tests of what techniques decide without TensorFlow."""
