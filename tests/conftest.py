"""What all tests of this repository share."""

from __future__ import annotations

from hypothesis import settings

# Tests assert behaviour, not speed: a busy machine must not fail them.
settings.register_profile("tflite-bench", deadline=None)
settings.load_profile("tflite-bench")
