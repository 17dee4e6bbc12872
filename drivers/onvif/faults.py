"""What goes wrong with an ONVIF device beyond the errors of every driver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from drivers.errors import Garbled, Refused


class NotAllowed(Refused):
    """The device did not accept the account, or thinks that the signature is of another time. Worth another try at another time."""


@contextmanager
def making_sense(of: str) -> Iterator[None]:
    """Around the reading of an answer: what is missing or of another kind than the standard says is Garbled, not a bug of ours."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise Garbled(f"{of} that make no sense ({type(error).__name__})") from None
