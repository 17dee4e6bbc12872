"""Numbered migrations; each runs once, in a transaction of its own."""
