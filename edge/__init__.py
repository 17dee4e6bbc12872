"""Anyu Edge, the gateway daemon of a dormitory gate: one package per question a guard would ask."""

__version__ = "0.2.0.dev0"
