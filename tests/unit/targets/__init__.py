"""Tests of the targets, at the seam above their processes."""
