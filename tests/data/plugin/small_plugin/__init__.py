"""A technique, a target and a format for tflite-bench."""
