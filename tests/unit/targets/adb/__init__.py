"""Mirrors bench/targets/_adb."""
