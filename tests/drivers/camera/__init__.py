"""Tests of cameras, against real servers."""
