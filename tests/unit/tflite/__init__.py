"""Tests of bench.tflite."""
