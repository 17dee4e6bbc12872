"""A broker that misbehaves as told: MQTT 3.1.1 and 5, as much of it as the tests need. Checked against paho in test_fake_broker.py."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from drivers.onvif.simulator.http import shut


@dataclass
class Publish:
    """One message that reached the broker."""

    topic: str
    payload: bytes
    retain: bool
    client: int


@dataclass
class FakeBroker:
    """`connack` is its reason code; `puback` answers a topic with a reason code after `late_s` seconds, or None to say nothing."""

    connack: int = 0
    puback: Callable[[str], int | None] = lambda _topic: 0
    receive_maximum: int | None = None
    late_s: float = 0.0
    port: int = 0
    published: list[Publish] = field(default_factory=list)
    wills: list[tuple[str, bytes]] = field(default_factory=list)
    client_ids: list[str] = field(default_factory=list)
    most_unanswered: int = 0
    connections: int = 0
    _writers: list[tuple[asyncio.StreamWriter, bool, list[str]]] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[FakeBroker]:
        """Listen on a free loopback port while the block runs."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            await shut(server)
            for writer, _, _ in list(self._writers):
                writer.close()
            await server.wait_closed()
            await asyncio.sleep(0)

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish to every client that subscribed to this very topic (QoS 0)."""
        for writer, v5, topics in self._writers:
            if topic in topics:
                name = topic.encode()
                body = struct.pack("!H", len(name)) + name + (b"\0" if v5 else b"") + payload
                writer.write(bytes([0x30 | retain]) + _length(len(body)) + body)

    def sequences(self) -> list[int]:
        """The numbers of the events that arrived, in order of arrival."""
        out: list[int] = []
        for message in self.published:
            if "/evt" in message.topic:
                body = json.loads(message.payload)
                out += [int(event["sequence"]) for event in (body if isinstance(body, list) else [body])]
        return out

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        client, unanswered = self.connections, set[int]()
        entry: tuple[asyncio.StreamWriter, bool, list[str]] | None = None
        try:
            while True:
                kind, body = await _packet(reader)
                if kind >> 4 == 1:
                    v5 = self._greet(body, writer)
                    entry = (writer, v5, [])
                    self._writers.append(entry)
                    if self.connack:
                        await writer.drain()
                        return
                elif kind >> 4 == 3:
                    assert entry is not None
                    packet, message = _publish(kind, body, client, v5=entry[1])
                    self.published.append(message)
                    code = self.puback(message.topic)
                    unanswered.add(packet)
                    self.most_unanswered = max(self.most_unanswered, len(unanswered))
                    if code is not None:
                        answer = struct.pack("!BBHB", 0x40, 3, packet, code) if entry[1] else struct.pack("!BBH", 0x40, 2, packet)
                        if self.late_s:
                            asyncio.get_running_loop().call_later(self.late_s, self._answer, writer, answer, packet, unanswered)
                        else:
                            self._answer(writer, answer, packet, unanswered)
                elif kind >> 4 == 8:
                    assert entry is not None
                    self._subscribe(body, entry)
                elif kind >> 4 == 12:
                    writer.write(b"\xd0\x00")
                elif kind >> 4 == 14:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            if entry in self._writers:
                self._writers.remove(entry)
            writer.close()

    @staticmethod
    def _answer(writer: asyncio.StreamWriter, answer: bytes, packet: int, unanswered: set[int]) -> None:
        unanswered.discard(packet)
        writer.write(answer)

    def _greet(self, body: bytes, writer: asyncio.StreamWriter) -> bool:
        level, flags = body[6], body[7]
        at = 10
        v5 = level == 5
        if v5:
            at += 1 + body[at]  # properties shorter than 128 bytes
        client_id, at = _text(body, at)
        self.client_ids.append(client_id.decode())
        if flags & 0x04:
            if v5:
                at += 1 + body[at]
            topic, at = _text(body, at)
            payload, at = _text(body, at)
            self.wills.append((topic.decode(), payload))
        properties = struct.pack("!BH", 0x21, self.receive_maximum) if v5 and self.receive_maximum else b""
        answer = bytes([0, self.connack]) + (bytes([len(properties)]) + properties if v5 else b"")
        writer.write(b"\x20" + bytes([len(answer)]) + answer)
        return v5

    @staticmethod
    def _subscribe(body: bytes, entry: tuple[asyncio.StreamWriter, bool, list[str]]) -> None:
        writer, v5, topics = entry
        packet = body[:2]
        at = 2 + (1 + body[2] if v5 else 0)
        codes = b""
        while at < len(body):
            topic, at = _text(body, at)
            at += 1
            topics.append(topic.decode())
            codes += b"\x01"
        answer = packet + (b"\0" if v5 else b"") + codes
        writer.write(b"\x90" + bytes([len(answer)]) + answer)


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind = (await reader.readexactly(1))[0]
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return kind, await reader.readexactly(length)


def _publish(kind: int, body: bytes, client: int, *, v5: bool) -> tuple[int, Publish]:
    topic, at = _text(body, 0)
    packet = 0
    if kind & 0x06:
        packet = struct.unpack_from("!H", body, at)[0]
        at += 2
    if v5:
        at += 1 + body[at]
    return packet, Publish(topic.decode(), body[at:], bool(kind & 1), client)


def _text(body: bytes, at: int) -> tuple[bytes, int]:
    length = struct.unpack_from("!H", body, at)[0]
    return body[at + 2 : at + 2 + length], at + 2 + length


def _length(value: int) -> bytes:
    out = b""
    while True:
        value, byte = value >> 7, value & 0x7F
        out += bytes([byte | (0x80 if value else 0)])
        if not value:
            return out
