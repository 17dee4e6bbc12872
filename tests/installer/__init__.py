"""The installer's tools."""
