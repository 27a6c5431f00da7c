"""Mirrors bench/history."""
