"""What the broker takes: the one place that knows. Every packet is measured against it. Pure; time comes in as monotonic seconds.

A limit is *announced* (Maximum Packet Size, MQTT 5) or *found out*: the broker refused a packet with PACKET_TOO_LARGE, or it ended the
connection while that packet was on the wire. A packet of several events is halved until it passes; a packet of one event cannot be, so
that what is refused alone is set aside (edge/uplink/aside.py); `health` and `info` are cut (edge/uplink/status.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.uplink.broker import TOO_LARGE, Packet
from edge.uplink.patience import Patience
from edge.uplink.wire import BATCH_BYTES

ALONE_CUTS = 3
"""Connections that must end at the same lone event before it counts as too large: a poor line may break twice at one packet."""

LEAST = 256
"""`state` is 120 bytes, so whoever ends connections at packets as small as this does not mind their size."""

CLEARED = 20
"""Packets taken one by one after which a broker that had ended a connection is trusted with more at once."""

QUIET_S = 3.0
"""No broker is started anew so soon after it ended a connection for a packet: then it is the same limit still."""

RELAX_FIRST_S, RELAX_MOST_S = 60.0, 86_400.0
"""How soon what was found out is put to the test again: nobody tells us when a broker's limit was raised."""

_SAYS_NOTHING_OF_SIZE = frozenset({0x87, 0x89, 0x8B, 0x8D, 0x8E, 0x93, 0x97, 0x98, 0x9C, 0x9D, 0xA0})
"""DISCONNECT: not authorised, busy, shutting down, keep-alive, taken over, receive maximum, quota, an operator, other server, too long."""


@dataclass(slots=True)
class Packets:
    """The limits of one broker. Outlives connections."""

    announced: int | None = None
    batch: int = BATCH_BYTES
    """The most bytes of a packet with several events."""
    status: int = BATCH_BYTES
    """The most bytes of `health` or `info`."""
    careful: bool = False
    """A connection ended and nobody knows at which packet: one at a time, so that the next end names it."""
    kept_back: int = 0
    """The bytes of the smallest event that was lately not sent for its size; 0: none."""
    _alone: int | None = None  # the smallest lone event that was refused
    _said: bool = False  # by the broker, in so many words
    _passes: bool = False  # events have passed since
    _cuts: int = 0
    _taken: int = 0
    _tests: Patience = field(default_factory=lambda: Patience(RELAX_FIRST_S, RELAX_MOST_S))
    _found_at: float = float("-inf")

    def connected(self, announced: int | None, now: float) -> None:
        """A broker answered. Another announcement than before is another limit: what was found out is forgotten."""
        if announced != self.announced:
            self.announced = announced
            self._forget()
        self._taken = 0
        self.relax(now)

    def relax(self, now: float) -> None:
        """Put what was found out to the test again if it is time."""
        if self.found and now - self._found_at > RELAX_FIRST_S and self._tests.allows("test", now):
            self._found_at = now
            self._alone = None
            self.batch, self.status = (min(2 * most, BATCH_BYTES) for most in (self.batch, self.status))

    @property
    def found(self) -> bool:
        """Whether a limit was found out."""
        return self._alone is not None or self.batch < BATCH_BYTES or self.status < BATCH_BYTES

    @property
    def limited(self) -> bool:
        """Whether there is any limit that one event could meet."""
        return self.announced is not None or self._alone is not None

    def takes(self, size: int) -> bool:
        """Whether an event that alone makes a packet of `size` bytes may be sent."""
        return size <= (self.announced or size) and (self._alone is None or size < self._alone)

    def most(self, parts: int) -> int:
        """The most bytes of a packet of several events, or of none (`health`, `info`)."""
        return min(self.batch if parts else self.status, self.announced or BATCH_BYTES)

    def sure(self, size: int) -> bool:
        """Whether it is certain that size is what keeps such an event back: the broker said so, or it takes smaller ones."""
        return size > (self.announced or size) or self._said or self._passes

    def accepted(self, packet: Packet) -> None:
        """The broker took this packet."""
        self._taken += 1
        if packet.parts:
            self._cuts, self._passes = 0, True
        if self._taken >= CLEARED:
            self.careful = False

    def refused(self, packet: Packet, now: float, *, said: bool = True) -> bool:
        """This packet is too large; `said`: the broker's own word. Whether that was news."""
        size, news = packet.size, True
        if packet.parts == 1:
            news = self._alone is None or packet.bare < self._alone
            self._alone = packet.bare if news else self._alone
            self._said, self._passes = said, False
        elif packet.parts and size <= self.batch:
            self.batch = size // 2
        elif not packet.parts and LEAST < size <= self.status:
            self.status = max(LEAST, size // 2)
        else:
            news = False
        if news:
            self._found_at = now
        return news

    def dropped(self, size: int, now: float) -> None:
        """An event that alone makes a packet of so many bytes is acknowledged by the broker and given to nobody (MQTT 3.1.1)."""
        self._alone = min(size, self._alone or size)
        self._said, self._passes, self._found_at = False, True, now

    def ended(self, on_the_wire: Sequence[Packet], code: int | None, now: float) -> bool:
        """The other side ended the connection while these packets, the oldest first, were unanswered. Whether something was found out.

        `code`: the reason code of its DISCONNECT, None where it gave none.
        """
        if code == TOO_LARGE and on_the_wire:
            return self.refused(max(on_the_wire, key=lambda packet: packet.size), now)
        if not on_the_wire:
            if now - self._found_at > QUIET_S and self._tests.allows("again", now):
                self._forget()  # it was started anew, perhaps with another limit
            return False
        if code in _SAYS_NOTHING_OF_SIZE:
            return False
        if len(on_the_wire) > 1:
            news, self.careful = not self.careful, True
            return news
        culprit, self.careful = on_the_wire[0], True
        if culprit.parts != 1:
            return self.refused(culprit, now, said=False)
        self._cuts += 1
        return self._cuts < ALONE_CUTS or self.refused(culprit, now, said=False)

    def _forget(self) -> None:
        self.batch = self.status = BATCH_BYTES
        self._alone, self._cuts = None, 0
