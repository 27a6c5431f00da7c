"""Tests with real TensorFlow on small models, and real local launches."""
