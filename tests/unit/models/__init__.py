"""Tests of what the models bring along, without TensorFlow."""
