"""Intervals, tests and comparisons of systems."""
