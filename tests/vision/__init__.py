"""Tests of the vision worker."""
