"""What is said of a broker and of messages, without any MQTT library."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from edge.errors import TryAgain

LOST = 0x100
"""In place of a reason code: the connection ended first, and nobody knows what the broker did."""

TOO_LARGE = 0x95
"""PUBACK or DISCONNECT: larger than the broker takes (MQTT 5); also the answer to a packet that was not sent, the limit being known."""

TAKEN_OVER = 0x8E
"""DISCONNECT: somebody else connected with our client id (MQTT 5)."""

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


@dataclass(frozen=True, slots=True)
class Packet:
    """One PUBLISH with QoS 1. `parts`: events in it, 0 for `state`, `health` and `info`."""

    topic: str
    payload: bytes
    retain: bool = False
    content_type: str = ""
    parts: int = 0
    v5: bool = True

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return packet_bytes(self.topic, len(self.payload), self.content_type if self.v5 else "", v5=self.v5)

    @property
    def bare(self) -> int:
        """The same without the content type, which is left out where it does not fit."""
        return packet_bytes(self.topic, len(self.payload), v5=self.v5)


def packet_bytes(topic: str, payload: int, content_type: str = "", *, v5: bool) -> int:
    """The bytes of a PUBLISH with QoS 1 (MQTT 5 section 3.3): fixed header, topic, packet id, properties, payload. Topics are ASCII."""
    rest = 2 + len(topic) + 2 + payload
    if v5:
        rest += 1 + (3 + len(content_type) if content_type else 0)
    return 2 + (rest >= 1 << 7) + (rest >= 1 << 14) + (rest >= 1 << 21) + rest
