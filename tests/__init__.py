"""Tests of tflite-bench."""
