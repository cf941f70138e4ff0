"""RESULTS.md: every run under exp/, as its files say it went."""
