"""What is said of a broker and of messages, without any MQTT library."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from edge.errors import TryAgain

LOST = 0x100
"""In place of a reason code: the connection ended first, and nobody knows what the broker did."""

FAILURE = 0x80
"""Reason codes from here on are refusals (MQTT 5, 2.4)."""


class BrokerAway(TryAgain):
    """Nobody answers, or the connection broke while it was made."""


class BrokerRefused(TryAgain):
    """The broker answered and said no; `code` is its reason code."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"the broker refuses the connection: {words} ({code})")
        self.code = code


@dataclass(frozen=True, slots=True)
class Options:
    """How to reach and greet a broker. `receive_maximum` and `packet_maximum` bound what it may send at once (MQTT 5 only)."""

    host: str
    port: int
    client_id: str
    protocol: str = "5"
    keepalive_s: int = 60
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    window: int = 50
    connect_s: float = 4.0  # an orderly stop takes 5 s in all, and a broker on the other side of the country answers in 0.1 s
    receive_maximum: int = 100
    packet_maximum: int = 16 * 1024  # a gateway hears acknowledgements only, of 100 bytes


@dataclass(frozen=True, slots=True)
class Message:
    """What arrived."""

    topic: str
    payload: bytes
    retain: bool


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says, retained, when we vanish."""

    topic: str
    payload: bytes
