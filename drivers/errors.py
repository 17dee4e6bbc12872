"""What can go wrong with hardware, named after what the caller does next."""

from __future__ import annotations


class DriverError(Exception):
    """Base of everything a driver raises on purpose; anything else is a bug."""


class LineLost(DriverError):
    """The line is down: drop the order, mark the door unknown, wait for Back."""


class NoAnswer(DriverError):
    """The device was asked and kept silent past its time-out: ask again or report."""


class Garbled(DriverError):
    """Bytes arrived that are not the protocol: resynchronise."""


class Refused(DriverError):
    """The device or the driver says no: tell a person."""


class Stale(DriverError):
    """The order's time had passed before it could be carried out: drop it, never repeat it."""
