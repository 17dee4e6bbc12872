"""The bytes between libosdp and a line. Nothing here ever raises into libosdp.

    [ff]  53  address  length(2, low byte first)  control  ...  crc      the address with 80 in an answer; length counts from 53 on

Three things libosdp leaves to its channel. An exception would leave its refresh in pieces, so a lost line is kept in `lost` for the one who
refreshes. A packet that arrives in pieces is lost on it when it is refreshed in between, as it must be, so packets are handed over whole.
And it believes in a silent reader for more than eight seconds, so it is noted here who has answered.
"""

from __future__ import annotations

from collections.abc import Callable

from osdp import Channel

from drivers.errors import LineLost
from drivers.line import Line

MARK, HEAD = 0xFF, 0x53
ANSWER = 0x80
HEADER = 4
SECURED = 0x08  # in the control byte: a security block follows, which begins with its length
ACKNOWLEDGED = 0x40  # osdp_ACK
SHORTEST, LONGEST = 7, 1440  # bytes of a packet, by the standard
KEPT = 2 * LONGEST  # bytes that libosdp has not taken; it takes them at every refresh
# At 9,600 baud the longest packet that readers send (128 bytes) takes 0.13 s; but bytes follow each other. What stands still for this long
# began with a head that was none.
STANDS_STILL_S = 0.05


class Packets:
    """Whole packets from bytes in any pieces; pure. Whether a packet is sound is libosdp's to say."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._at = 0.0

    def feed(self, data: bytes, now: float) -> list[bytes]:
        """The packets that are whole now, each with its mark if it has one."""
        if self._bytes and not data and now - self._at > STANDS_STILL_S:
            del self._bytes[: self._head() + 1]
        elif data:
            self._at = now
        self._bytes += data[-KEPT:]
        found = []
        while (packet := self._next()) is not None:
            found.append(packet)
        return found

    def _next(self) -> bytes | None:
        while True:
            head = self._head()
            del self._bytes[: max(0, head - 1)]
            head = min(head, 1)
            if head and self._bytes[:1] != bytes((MARK,)):
                del self._bytes[:1]
                head = 0
            if len(self._bytes) < head + HEADER:
                return None
            length = self._bytes[head + 2] | self._bytes[head + 3] << 8
            if SHORTEST <= length <= LONGEST:
                break
            del self._bytes[: head + 1]
        if len(self._bytes) < head + length:
            return None
        packet = bytes(self._bytes[: head + length])
        del self._bytes[: head + length]
        return packet

    def _head(self) -> int:
        """Where the next head is; the end where there is none."""
        at = self._bytes.find(HEAD)
        return at if at != -1 else len(self._bytes)


def _reply(packet: bytes) -> int:
    """The reply code of a whole packet from its head on; -1 where there is none. It stands in the clear on a secure channel too."""
    at = HEADER + 1
    if packet[HEADER] & SECURED and len(packet) > at:
        at += packet[at]
    return packet[at] if at < len(packet) else -1


class LineChannel(Channel):  # type: ignore[misc]  # osdp comes without types
    """A line as libosdp wants it: reads and writes that never wait. `heard` is when each address last answered, on `now`.

    `master`: this is the end that asks; what is no answer is its own question, repeated by the adapter, and is dropped.
    """

    def __init__(self, line: Line, now: Callable[[], float], *, master: bool = False) -> None:
        super().__init__()
        self._master = master
        self._line = line
        self._now = now
        self._packets = Packets()
        self._ready = bytearray()
        self.heard: dict[int, float] = {}
        self.lost: LineLost | None = None

    def feed(self, data: bytes) -> set[int]:
        """Bytes have come, or none for a while. Gives the addresses that acknowledged something and had nothing else to tell."""
        now, acknowledging = self._now(), set[int]()
        for packet in self._packets.feed(data, now):
            head = packet.index(HEAD)
            address = packet[head + 1]
            if address & ANSWER:
                self.heard[address & ~ANSWER & 0xFF] = now
                if _reply(packet[head:]) == ACKNOWLEDGED:
                    acknowledging.add(address & ~ANSWER & 0xFF)
            elif self._master:
                continue
            self._ready += packet
        del self._ready[:-KEPT]
        return acknowledging

    def read(self, max_bytes: int) -> bytes:
        """See osdp.Channel."""
        taken = bytes(self._ready[:max_bytes])
        del self._ready[:max_bytes]
        return taken

    def write(self, buf: bytes) -> int:
        """See osdp.Channel."""
        try:
            self._line.write(bytes(buf))
        except LineLost as error:
            self.lost = error
        return len(buf)

    def flush(self) -> None:
        """See osdp.Channel: libosdp is about to ask anew."""
        self._ready.clear()
