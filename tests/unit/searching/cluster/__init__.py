"""Mirrors bench/searching/cluster."""
