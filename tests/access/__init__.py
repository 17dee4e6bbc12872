"""Judging people and doors: tables and machines, no I/O."""
