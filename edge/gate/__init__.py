"""This gate, alive."""
