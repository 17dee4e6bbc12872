"""Measurements: each prints its ratios side by side, and with --json one object on the last line."""
