"""What site.yaml says of a UHPPOTE board, and what the driver needs from outside."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from drivers.door.uhppote.wire import PORT
from drivers.table import Has, up_to

FIRE_INPUT = 1  # the board's fire terminal, as an input of ours; active is CLOSED

Wall = Callable[[], datetime | None]
"""The board's local time, or None while the machine's own clock cannot be believed: then the board keeps the time it has."""


class EventMark(Protocol):
    """Small durable facts of one board: how far its events were fetched, and who listened to it before us.

    `set` may return before the fact is on disk, but must keep the order; `get` gives None for what was never set.
    """

    def get(self, key: str) -> str | None:
        """Read a fact."""
        ...

    def set(self, key: str, value: str) -> None:
        """Keep a fact."""
        ...


@runtime_checkable
class LateMark(EventMark, Protocol):
    """A mark whose disk may not be read at the start: `get` knows nothing of earlier runs then."""

    def former(self, key: str) -> str | None:
        """What an earlier run left, as soon as it can be read; else None."""
        ...


class MemoryMark:
    """Facts that last as long as the process: for tools and tests. A daemon with it starts at the board's newest event each time."""

    def __init__(self) -> None:
        self._facts: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        """See EventMark."""
        return self._facts.get(key)

    def set(self, key: str, value: str) -> None:
        """See EventMark."""
        self._facts[key] = value


class Options(BaseModel):
    """One board. It is driven only if the board at `address` answers with `serial`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    serial: int = Field(ge=1, le=0xFFFFFFFE, description="printed on the board and its box")
    address: str = Field(description="IPv4 address, with :port where it is not 60000")
    doors: int = Field(default=4, ge=1, le=4, description="how many doors the model has: UT0311-L01 one, L02 two, L04 four")
    # The board's own reader input counts 26 bits and prints FFFNNNNN. Only firmware for 34-bit readers gives the plain number.
    card_number: Literal["wg26", "wg34"] = "wg26"
    # Off: the board opens for the cards in its own table, with us or without. On: it asks us for each card it knows, and falls back to its
    # table 30 s after our last word. Needed only where a card alone must not open (card and face).
    pc_control: bool = False
    # A board talks to one listener. Taking it away from a vendor's program is a decision of the site; without it events are still fetched,
    # up to `poll_s` later.
    take_listener: bool = True
    listener: str = Field(default="", description="address:port of this machine as the board sees it, where a router lies between")
    listen_port: int = Field(default=0, ge=0, le=65535, description="0: any free one; fix it where a firewall must let it in")
    timezone: str = "Asia/Shanghai"  # one zone for the whole country; the board keeps local time without saying which
    # Door contacts that no event told of, and the sign of life: three silent polls are a lost board, which must be told within 5 s.
    poll_s: float = Field(default=0.8, ge=0.05, le=1.0)
    # A board answers within 10 ms on its own switch. Three of these, three polls and one more behind somebody's question stay under 5 s.
    timeout_s: float = Field(default=0.5, ge=0.05, le=0.6)

    @field_validator("address", "listener")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            if value:
                endpoint(value)
        except ValueError:
            raise PydanticCustomError("uhppote_address", "expected an IPv4 address, with :port if need be") from None
        return value

    @property
    def has(self) -> Has:
        """What site.yaml may refer to. Readers 1 and 2 are in and out of door 1, and so on; the relay of a door has its number."""
        doors = up_to(self.doors)
        return Has(
            readers=up_to(2 * self.doors), outputs=doors, inputs=(FIRE_INPUT,), doors=doors, contacts=doors, buttons=doors, rests=True
        )


def endpoint(text: str) -> tuple[str, int]:
    """Split `a.b.c.d` or `a.b.c.d:port`. Raises ValueError."""
    host, _, port = text.partition(":")
    number = int(port) if port else PORT
    if not 1 <= number <= 65535:
        raise ValueError(f"{text}: a port is 1 to 65535")
    return str(ipaddress.IPv4Address(host)), number
